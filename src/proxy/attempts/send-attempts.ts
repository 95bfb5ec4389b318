import type { ChosenCredential } from '../../credentials/chosen-credential.ts'
import type { CredentialOutcome } from '../../credentials/held-credential.ts'
import { GatewayError } from '../../errors.ts'
import { wireApiNamed } from '../../providers/registry.ts'
import type { AttemptCause, NotRetried } from '../../traces/exchange.ts'
import { providerCredential } from '../../traces/provider-credential.ts'
import { upstreamRequestId } from '../../traces/upstream-request-id.ts'
import { broken } from '../exchange/broken.ts'
import type { OpenExchange } from '../exchange/open-exchange.ts'
import { causeOfCode } from '../exchange/open-attempt.ts'
import { causeOfStatus } from '../../traces/failure-cause.ts'
import { chooseCredential } from '../upstream/attempt-credential.ts'
import { sendOnce, type Sending, type Sent } from './send-once.ts'
import { backOffMs, pause } from '../targets/back-off.ts'
import { RETRIED_CAUSES } from '../targets/cause.ts'
import { billsOf, judgeResponse, type JudgedResponse } from './judged-response.ts'
import { noteTargetState } from './note-target-state.ts'
import { resetMs } from '../targets/reset-time.ts'
import { statusForCredential, statusOf } from './status-of.ts'
import { takeTarget, usableFor } from './take-target.ts'
import type { Target, TargetPlan } from '../targets/target.ts'

/** Causes that concern the credential that was sent: another one may do better. */
const OF_CREDENTIALS: ReadonlySet<AttemptCause> = new Set(['auth', 'quota', 'rate'])

/** How long a target rests after a 429 that names no time. */
const REST_MS = 1000

/** Whether a request that fails may be sent again: its alias may have other targets, or the gateway holds credentials for its provider. */
export function mayTryAgain({ plan, target, arrival }: OpenExchange): boolean {
  return (plan?.alias !== undefined && !arrival.upgrade) || target.upstream.credentials !== undefined
}

/**
 * Sends a request to one target after another, until one responds well or no other attempt is allowed.
 *
 * @returns the first good response, else the last one
 * @throws GatewayError when the last attempt has no response
 */
export async function sendAttempts(sending: Sending): Promise<Sent> {
  const attempts = new Attempts(sending)
  let held = attempts.credential()
  for (;;) {
    const result = await attempts.send(held)
    if (result.cause === 'ok') {
      attempts.began()
      return result.sent!
    }
    const renewed = await attempts.renewed(result, held)
    if (!renewed && !(await attempts.next(result, held))) {
      if (result.sent) return result.sent
      throw result.error!
    }
    held = renewed ?? attempts.credential()
  }
}

/** How an attempt ended. */
interface Result {
  readonly cause: AttemptCause
  /** Its response, which the client gets when no other attempt follows; `undefined` when there is none. */
  readonly sent: Sent | undefined
  readonly error?: GatewayError | undefined
  /** Absent when there was no response over HTTP. */
  readonly judged?: JudgedResponse
  /** How long the target or the credential wants to rest, in milliseconds from its end; `undefined` when nothing is said. */
  readonly restMs?: number | undefined
}

/** The attempts of one request. */
class Attempts {
  #sending: Sending
  readonly #exchange: OpenExchange
  /** Names of targets, in the order in which they were tried. */
  readonly #tried: string[] = []
  /** Names of credentials that were tried, by provider. */
  readonly #used = new Map<string, Set<string>>()
  #renewed = false

  constructor(sending: Sending) {
    this.#sending = sending
    this.#exchange = sending.exchange
  }

  /** The credential of the next attempt; `undefined` for the caller's own. @throws GatewayError when there is none */
  credential(): ChosenCredential | undefined {
    const { upstream } = this.#exchange.target
    return chooseCredential(
      this.#exchange,
      upstream,
      Date.now(),
      this.#used.get(upstream.name),
      this.#targetName,
    )
  }

  /** Sends the request once, and judges its response. */
  async send(held: ChosenCredential | undefined): Promise<Result> {
    const exchange = this.#exchange
    this.#tried.push(exchange.chosen?.name ?? exchange.target.upstream.name)
    if (held) this.#usedHere().add(held.name)
    const result = await this.#sent(held)
    exchange.attempts.at(-1)!.judged = result.cause === 'ok' ? undefined : result.cause
    if (held && !this.#concernsRequest(result)) this.#reportCredential(held, result)
    return result
  }

  /** The response is good so far. A trial has shown that its target works again: others need not wait for its end. */
  began(): void {
    const { chosen, attempts } = this.#exchange
    const { context } = this.#sending
    attempts.at(-1)!.passedOn = true
    if (!chosen || context.chooser.stateOf(chosen.name, performance.now()).state !== 'half_open') return
    noteTargetState(context, chosen, 'ok')
  }

  /** A credential whose value is another one by now, for a request whose own was refused. Once for each request. */
  async renewed(result: Result, held: ChosenCredential | undefined): Promise<ChosenCredential | undefined> {
    const { credentials } = this.#exchange.target.upstream
    const { cause, sent } = result
    if (
      !held ||
      !credentials ||
      this.#renewed ||
      cause !== 'auth' ||
      !sent ||
      statusForCredential(sent) === 403
    )
      return undefined
    if (!this.#replayable || this.#refusesCall(cause)) return undefined
    const renewed = await credentials.renewed(held, Date.now())
    if (!renewed) return undefined
    this.#requireClient()
    this.#renewed = true
    this.#replace(result)
    return renewed
  }

  /** Takes the next target. @returns whether there is another attempt; if not, the last attempt says why */
  async next(result: Result, held: ChosenCredential | undefined): Promise<boolean> {
    const exchange = this.#exchange
    const { context } = this.#sending
    if (result.cause === 'client_aborted') return false
    const { chosen } = exchange
    this.#reportTarget(result, held)
    const verdict = this.#verdict(result, held)
    if (verdict !== 'yes') {
      exchange.attempts.at(-1)!.notRetried = verdict
      return false
    }
    const plan = this.#plan
    const target = context.chooser.choose(plan, { ...this.#choice(), session: exchange.session })
    if (!target) {
      exchange.attempts.at(-1)!.notRetried = 'no_target'
      return false
    }
    this.#replace(result)
    const tries = this.#tried.filter((tried) => tried === target.name).length
    if (tries > 0 && !OF_CREDENTIALS.has(result.cause)) {
      await pause(backOffMs(tries, Math.random()), exchange.abort.signal)
    }
    this.#requireClient(target)
    if (exchange.plan?.alias !== undefined) {
      takeTarget(exchange, plan, target, context)
      if (target.name !== this.#tried.at(-1))
        this.#sending = { ...this.#sending, ...(await this.#sending.again()) }
    } else exchange.chosen = chosen
    this.#requireClient()
    return true
  }

  /**
   * @param waiting a target that was chosen, and is given back if the client has left
   * @throws GatewayError when the exchange was broken off while it waited
   */
  #requireClient(waiting?: Target): void {
    const { brokenBy, ended, arrival } = this.#exchange
    if (brokenBy === undefined && !ended && !arrival.request.signal.aborted) return
    if (waiting) noteTargetState(this.#sending.context, waiting, 'client_aborted')
    throw broken(this.#exchange, undefined, 'client_aborted', 'the client left')
  }

  async #sent(held: ChosenCredential | undefined): Promise<Result> {
    const exchange = this.#exchange
    let sent: Sent
    try {
      sent = await sendOnce(this.#sending, held)
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error
      const cause = causeOfCode(error.code) ?? 'client_aborted'
      return { cause, sent: undefined, error }
    }
    exchange.attempts.at(-1)!.responded(statusOf(sent), exchange.elapsedUs())
    if (sent.kind !== 'http') return { cause: causeOfStatus(statusOf(sent)), sent }
    const { response } = sent
    const judged = await judgeResponse(response, exchange, wireApiNamed(exchange.wire.api), this.#holdBytes)
    const { cause, content, error } = judged
    return {
      cause,
      sent: judged.response && { kind: 'http', response: judged.response, content },
      error,
      judged,
      restMs: cause === 'ok' ? undefined : resetMs(response.headers.toJSON(), judged.object, Date.now()),
    }
  }

  /** Streams are held only while another target could answer instead. */
  get #holdBytes(): number {
    const { plan } = this.#exchange
    const { attempts, holdBytes } = this.#sending.context.settings.routing
    return plan?.alias !== undefined && this.#replayable && this.#tried.length < attempts ? holdBytes : 0
  }

  get #replayable(): boolean {
    const { body, context } = this.#sending
    return (
      body === undefined ||
      (body.kind === 'held' && body.bytes.length <= context.settings.routing.replayBytes)
    )
  }

  get #targetName(): string {
    return this.#exchange.chosen?.name ?? ''
  }

  /** The targets. A provider's own route has one, whose credentials change. */
  get #plan(): TargetPlan {
    const { plan, target } = this.#exchange
    if (plan?.alias !== undefined) return plan
    const { name } = target.upstream
    const own: Target = {
      name,
      provider: name,
      model: undefined,
      tier: 1,
      weight: 1,
      region: '',
      zeroRetention: false,
    }
    return { alias: `${name}/`, targets: [own], affinity: 'none', rewrite: undefined }
  }

  #choice(): { tried: readonly string[]; now: number; usable: (target: Target) => boolean } {
    const usable = usableFor(this.#exchange, this.#sending.context, this.#used)
    return { tried: this.#tried, now: performance.now(), usable }
  }

  /** Why no other attempt follows a failed one; `yes` when one may. */
  #verdict({ cause, error }: Result, held: ChosenCredential | undefined): 'yes' | NotRetried {
    const { plan, clock } = this.#exchange
    const { chooser } = this.#sending.context
    if (!RETRIED_CAUSES.has(cause) || this.#isCallersError(cause, held)) return 'callers_error'
    if (error?.code === 'upstream_total_timeout') return 'deadline'
    if (!this.#replayable) return 'body_not_held'
    if (plan?.alias === undefined && !(OF_CREDENTIALS.has(cause) && held)) return 'no_target'
    const { totalMs } = clock.timeouts
    return chooser.mayRetry(this.#plan, {
      ...this.#choice(),
      deadline: totalMs > 0 ? clock.startedAt + totalMs : undefined,
    })
  }

  /**
   * The provider refuses a call that is not known here. Nothing is learnt of the credential: else a caller could take it out for everybody
   * with a call that no key of its kind may make.
   */
  #refusesCall(cause: AttemptCause): boolean {
    return cause === 'auth' && this.#exchange.wire.api === ''
  }

  /**
   * The refusal may be about this very request, so nothing is learnt of the credential: a call that is not known, a 403 that is no target's,
   * and one that does not come from the provider's API but from something before it that dislikes the content.
   */
  #concernsRequest({ cause, sent, judged }: Result): boolean {
    if (this.#refusesCall(cause)) return true
    const isForbidden = cause === 'auth' && sent !== undefined && statusOf(sent) === 403
    return isForbidden && (this.#targetName === '' || judged?.object === undefined)
  }

  /** The credential that was sent is the caller's own, so what the provider says of it concerns nobody else. */
  #isCallersOwn(held: ChosenCredential | undefined): boolean {
    const { fields, queryKey, target } = this.#exchange
    const { bringsCredential, credentialField } = target.upstream
    return !held && !bringsCredential && providerCredential(fields, credentialField, queryKey) !== ''
  }

  /** The provider refuses something that only the caller can change: its credential, or the call. */
  #isCallersError(cause: AttemptCause, held: ChosenCredential | undefined): boolean {
    return OF_CREDENTIALS.has(cause) && (this.#isCallersOwn(held) || this.#refusesCall(cause))
  }

  /** Tells the chooser how the target did. What concerns a credential is not the target's fault. */
  #reportTarget({ cause, restMs }: Result, held: ChosenCredential | undefined): void {
    const exchange = this.#exchange
    const { chosen } = exchange
    if (!chosen) return
    exchange.chosen = undefined
    const isTargets = !this.#isCallersError(cause, held) && !(OF_CREDENTIALS.has(cause) && held)
    const { context } = this.#sending
    if (isTargets) noteTargetState(context, chosen, cause, cause === 'rate' ? (restMs ?? REST_MS) : undefined)
    else noteTargetState(context, chosen, 'rejected')
  }

  #reportCredential(held: ChosenCredential, { cause, sent, restMs }: Result): void {
    const { exchange, context } = this.#sending
    const { upstream } = exchange.target
    const outcome = outcomeOf(cause, sent ? statusForCredential(sent) : 0)
    if (outcome === undefined) return
    const nowMs = Date.now()
    const target = this.#targetName
    upstream.credentials?.report(held, outcome, nowMs, {
      target,
      ...(outcome === 'rate' && restMs !== undefined ? { untilMs: nowMs + restMs } : {}),
    })
    if (outcome === 'ok' || outcome === 'rate') return
    context.log('WARN', 'provider refused a credential of the gateway', {
      ...exchange.logFields,
      provider: upstream.name,
      credential: held.name,
      status: sent ? statusOf(sent) : 0,
    })
  }

  #usedHere(): Set<string> {
    const { name } = this.#exchange.target.upstream
    let used = this.#used.get(name)
    if (!used) this.#used.set(name, (used = new Set()))
    return used
  }

  /** The last attempt's response is given up: another attempt takes its place. */
  #replace({ cause, sent, judged }: Result): void {
    const exchange = this.#exchange
    const { upstream } = exchange.target
    const attempt = exchange.attempts.at(-1)!
    const reading = judged?.reading
    const fields = sent?.kind === 'http' ? (sent.response.headers.toJSON() as Record<string, string>) : {}
    attempt.replaced(exchange.elapsedUs(), {
      upstreamUrl: upstream.url,
      dialect: upstream.dialect,
      upstreamRequestId: upstreamRequestId(fields),
      model: reading?.model ?? '',
      bills: reading ? billsOf(wireApiNamed(exchange.wire.api), reading) : [],
    })
    this.#sending.context.log('WARN', 'attempt failed; trying again', {
      ...exchange.logFields,
      target: this.#tried.at(-1),
      cause,
      status: attempt.status,
    })
    exchange.abort.abort()
    if (sent && sent.kind !== 'http') sent.response.destroy()
    exchange.beginAgain()
  }
}

/** What an attempt says about the credential it was sent with; `undefined` when it says nothing. */
function outcomeOf(cause: AttemptCause, status: number): CredentialOutcome | undefined {
  switch (cause) {
    case 'ok':
      return 'ok'
    case 'rate':
      return 'rate'
    case 'quota':
      return 'quota'
    case 'auth':
      return status === 403 ? 'forbidden' : 'unauthorized'
    default:
      return undefined
  }
}
