import type { GatewayErrorCode } from '../../errors.ts'
import type { Attempt, AttemptCause, Outcome } from '../../traces/exchange.ts'

/** A request to a target that has been sent, until its exchange ends. Offsets are microseconds from the start of the exchange. */
export class OpenAttempt {
  readonly #provider: string
  readonly #startedUs: number
  /** The upstream's status; 0 until it comes. */
  status = 0
  /** When the response's fields came; -1 until then. */
  firstByteUs = -1

  constructor(provider: string, startedUs: number) {
    this.#provider = provider
    this.#startedUs = startedUs
  }

  /** The response has begun. */
  responded(status: number, atUs: number): void {
    this.status = status
    this.firstByteUs = atUs
  }

  /**
   * @param outcome of the exchange
   * @param errorCode what ended it; empty when nothing failed
   */
  end(outcome: Outcome, errorCode: GatewayErrorCode | '', sentBytes: number, endedUs: number): Attempt {
    const { status, firstByteUs } = this
    return {
      provider: this.#provider,
      cause: outcome === 'client_aborted' ? 'client_aborted' : attemptCause(status, errorCode),
      status,
      startedUs: this.#startedUs,
      firstByteUs,
      endedUs,
      sentBytes,
    }
  }
}

/**
 * Why an attempt ended.
 *
 * @param status of the upstream; 0 when none came
 * @param errorCode what ended the exchange. One that concerns neither target nor connection leaves the status to decide
 */
function attemptCause(status: number, errorCode: GatewayErrorCode | ''): AttemptCause {
  switch (errorCode) {
    case 'upstream_connect_timeout':
    case 'upstream_unreachable':
      return 'connect'
    case 'upstream_first_byte_timeout':
      return 'first_byte_timeout'
    case 'upstream_idle_timeout':
    case 'upstream_total_timeout':
      return 'timeout'
    case 'upstream_aborted':
    case 'upstream_invalid_response':
      return 'truncated'
    case 'request_body_too_large':
      return 'rejected'
    default:
      return causeOfStatus(status)
  }
}

function causeOfStatus(status: number): AttemptCause {
  switch (status) {
    case 0:
      // We gave it up: the gateway stops, or the key counts no longer.
      return 'client_aborted'
    case 401:
    case 403:
      return 'auth'
    case 402:
      return 'quota'
    case 429:
      return 'rate'
    case 529:
      return 'overloaded'
    default:
      if (status >= 500) return 'status_5xx'
      return status >= 400 ? 'rejected' : 'ok'
  }
}
