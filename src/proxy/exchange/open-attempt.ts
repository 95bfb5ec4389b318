import type { GatewayErrorCode } from '../../errors.ts'
import type { Attempt, AttemptCause, FailedAttempt, NotRetried, Outcome } from '../../traces/exchange.ts'
import { causeOfStatus } from '../../traces/failure-cause.ts'

/** Where an attempt goes. Members are absent where the request goes as it came. */
export interface AttemptTarget {
  readonly provider: string
  /** `provider/model`. */
  readonly target?: string | undefined
  /** The model that is put into the request. */
  readonly model?: string | undefined
  /** Name of the credential that the gateway puts in. */
  readonly credential?: string | undefined
}

/** A request to a target that has been sent, until it ends. Offsets are microseconds from the start of the exchange. */
export class OpenAttempt {
  readonly about: AttemptTarget
  readonly #startedUs: number
  /** The upstream's status; 0 until it comes. */
  status = 0
  /** When the response's fields came; -1 until then. */
  firstByteUs = -1
  /** Bytes of the content that this target got; -1 for those of the exchange. */
  sentBytes = -1
  /** What its response says, where that is known before the end. Absent while only its status is. */
  judged: AttemptCause | undefined
  notRetried: NotRetried | undefined
  /** Its response was good so far and is being passed on, so no other attempt can take its place. */
  passedOn = false
  #replaced: { readonly atUs: number; readonly failed: FailedAttempt } | undefined

  constructor(about: AttemptTarget, startedUs: number) {
    this.about = about
    this.#startedUs = startedUs
  }

  /** The response has begun. Only the first call counts. */
  responded(status: number, atUs: number): void {
    if (this.firstByteUs >= 0) return
    this.status = status
    this.firstByteUs = atUs
  }

  /** Another attempt takes its place. */
  replaced(atUs: number, failed: FailedAttempt): void {
    this.#replaced = { atUs, failed }
  }

  /**
   * @param outcome of the exchange
   * @param errorCode what ended it; empty when nothing failed
   * @param requestBytes of the exchange
   */
  end(outcome: Outcome, errorCode: GatewayErrorCode | '', requestBytes: number, endedUs: number): Attempt {
    const { about, status, firstByteUs, judged } = this
    const replaced = this.#replaced
    const { provider, target, model, credential } = about
    const cause = replaced ? (judged ?? causeOfStatus(status)) : this.#cause(outcome, errorCode)
    const brokeOff = this.passedOn && (cause === 'truncated' || cause === 'timeout')
    const notRetried = brokeOff ? 'content_started' : this.notRetried
    const attempt: Mutable<Attempt> = {
      provider,
      cause,
      status,
      startedUs: this.#startedUs,
      firstByteUs,
      endedUs: replaced ? replaced.atUs : endedUs,
      sentBytes: this.sentBytes < 0 ? requestBytes : this.sentBytes,
    }
    if (target !== undefined) attempt.target = target
    if (model !== undefined) attempt.model = model
    if (credential !== undefined) attempt.credential = credential
    if (notRetried !== undefined) attempt.notRetried = notRetried
    if (replaced) attempt.failed = replaced.failed
    return attempt
  }

  #cause(outcome: Outcome, errorCode: GatewayErrorCode | ''): AttemptCause {
    if (outcome === 'client_aborted') return 'client_aborted'
    return causeOfCode(errorCode) ?? this.judged ?? causeOfStatus(this.status)
  }
}

type Mutable<T> = { -readonly [name in keyof T]: T[name] }

/** Why an attempt ended that one of our codes ended. `undefined` for a code that concerns neither target nor connection. */
export function causeOfCode(errorCode: GatewayErrorCode | ''): AttemptCause | undefined {
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
      return undefined
  }
}
