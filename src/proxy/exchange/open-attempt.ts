import type { GatewayErrorCode } from '../../errors.ts'
import type { Attempt, AttemptCause, Outcome } from '../../traces/exchange.ts'

/** A request to a target that has been sent, until its exchange ends. Offsets are microseconds from the start of the exchange. */
export class OpenAttempt {
  readonly #provider: string
  readonly #startedUs: number
  /** Name of the credential that the gateway holds; empty when the caller's own was sent. */
  readonly credential: string
  /** The upstream's status; 0 until it comes. */
  status = 0
  /** When the response's fields came; -1 until then. */
  firstByteUs = -1
  /** When another attempt took its place; -1 for the last one. */
  #replacedUs = -1

  constructor(provider: string, startedUs: number, credential = '') {
    this.#provider = provider
    this.credential = credential
    this.#startedUs = startedUs
  }

  /** The response has begun. */
  responded(status: number, atUs: number): void {
    this.status = status
    this.firstByteUs = atUs
  }

  /** Another attempt takes its place. */
  replaced(atUs: number): void {
    this.#replacedUs = atUs
  }

  /**
   * @param outcome of the exchange
   * @param errorCode what ended it; empty when nothing failed
   */
  end(outcome: Outcome, errorCode: GatewayErrorCode | '', sentBytes: number, endedUs: number): Attempt {
    const { status, firstByteUs } = this
    const isLast = this.#replacedUs < 0
    return {
      provider: this.#provider,
      ...(this.credential === '' ? {} : { credential: this.credential }),
      cause: isLast ? causeOf(outcome, status, errorCode) : causeOfStatus(status),
      status,
      startedUs: this.#startedUs,
      firstByteUs,
      endedUs: isLast ? endedUs : this.#replacedUs,
      sentBytes,
    }
  }
}

function causeOf(outcome: Outcome, status: number, errorCode: GatewayErrorCode | ''): AttemptCause {
  return outcome === 'client_aborted' ? 'client_aborted' : attemptCause(status, errorCode)
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
