import { NO_COST, priceUsage, unknown, type Cost } from '../usage/cost.ts'
import { includedCost } from '../usage/included-cost.ts'
import type { ModelNames } from '../usage/model-names.ts'
import type { ModelRates } from '../usage/model-rates.ts'
import { nanoToUsd } from '../usage/money.ts'
import {
  addParts,
  addUnits,
  addUsage,
  inputTokens,
  NO_PARTS,
  outputTokens,
  type Parts,
  type Units,
  type Usage,
} from '../usage/usage.ts'
import { usualTarget } from './attempts.ts'
import type { Attempt, Exchange, FailedAttempt } from './exchange.ts'
import { causeOfResponse, causeOfStatus } from './failure-cause.ts'
import { type Metering, sumsOf } from './metering.ts'
import { estimated } from './reprice.ts'
import type { AttemptJson, AttemptUsage, StoredAttempt } from './trace.ts'

/** What all attempts of an exchange came to, the last one included. */
export interface MeteredAttempts {
  /** The sums over all attempts. */
  readonly metering: Metering
  /** As stored. Absent when everything about them follows from the trace. */
  readonly stored?: readonly StoredAttempt[]
}

/** What an attempt's price depends on besides its model. */
export type AttemptPlace = Pick<FailedAttempt, 'upstreamUrl' | 'dialect'> & { readonly provider: string }

/** What is known of the trace, as far as its attempts need it. */
export interface TraceFacts {
  readonly requestedModel: string
  /** Of the last response; empty when it named none. */
  readonly upstreamRequestId: string
  /** The failure that the last response reports, in the provider's word. Absent when it reports none. */
  readonly error: string | undefined
  /** A subscription pays. */
  readonly subscription: boolean
  /** A text as it is stored. */
  readonly text: (text: string) => string
  readonly find: (names: ModelNames, place: AttemptPlace) => ModelRates | undefined
}

/**
 * Adds up the attempts of an exchange: what failed ones had reported before they failed was billed, too.
 *
 * @param last what the response that the client got came to
 */
export function meterAttempts(exchange: Exchange, last: Metering, about: TraceFacts): MeteredAttempts {
  const attempts = judgedAttempts(exchange.attempts, about)
  const [first] = attempts
  if (attempts.length < 2 && !first?.failed) {
    const single = first && singleStored(first, about)
    return { metering: last, ...(single ? { stored: [single] } : {}) }
  }
  const metered = attempts.map((attempt) =>
    attempt.failed ? meterFailed(attempt, attempt.failed, exchange, about) : last,
  )
  const stored = attempts.map((attempt, i) => attemptJson(attempt, metered[i]!, about))
  // The client left before the next attempt: no response is its own.
  return { metering: summed(metered, attempts.at(-1)!.failed ? { ...last, ...NOTHING } : last), stored }
}

/** Nothing was used. */
const NOTHING = {
  usage: {},
  units: {},
  parts: NO_PARTS,
  bills: [],
  source: 'none',
  cost: NO_COST,
} as const

/** The attempts, the last one judged by what its response says, unless that was done before it was passed on. */
function judgedAttempts(attempts: readonly Attempt[], { error }: TraceFacts): readonly Attempt[] {
  const last = attempts.at(-1)
  if (!last || error === undefined || last.cause !== causeOfStatus(last.status)) return attempts
  const words = { words: [error], message: error, status: 0, daily: false }
  return [...attempts.slice(0, -1), { ...last, cause: causeOfResponse(last.status, words) }]
}

/** Of a single attempt, what does not follow from the trace. */
function singleStored(attempt: Attempt, { text, requestedModel }: TraceFacts): StoredAttempt | undefined {
  const { cause, status, model, credential, notRetried } = attempt
  const asAsked = model === undefined || model === requestedModel
  if (cause === 'ok' && asAsked && credential === undefined) return undefined
  return {
    ...(cause === 'ok' ? {} : { cause, status: status === 0 ? null : status }),
    ...(asAsked ? {} : { model: text(model) }),
    ...(credential === undefined ? {} : { credential }),
    ...(notRetried === undefined ? {} : { not_retried: notRetried }),
  }
}

function meterFailed(
  attempt: Attempt,
  { bills, model, upstreamUrl, dialect }: FailedAttempt,
  { startedAtUs }: Exchange,
  { requestedModel, subscription, find }: TraceFacts,
): Metering {
  const price = (): Cost => {
    const requested = attempt.model ?? requestedModel
    const answered = model || requested
    return priceUsage({
      model: answered,
      names: { answered, requested },
      bills,
      at: startedAtUs / 1000,
      find: (names) => find(names, { provider: attempt.provider, upstreamUrl, dialect }),
    })
  }
  const cost = costOfFailed(attempt, bills.length > 0 ? price : undefined)
  return {
    ...sumsOf(bills),
    bills,
    source: bills.length > 0 ? 'estimated' : 'none',
    cost: subscription ? includedCost(cost) : cost,
    notes: [],
  }
}

/** @param price of the usage that was reported; absent when there was none */
function costOfFailed({ cause, status }: Attempt, price: (() => Cost) | undefined): Cost {
  if (price) return estimated(price(), 'a failed attempt had reported usage')
  if (cause === 'connect' || status >= 400) return NO_COST
  return unknown('a failed attempt ended before its answer; the provider may have billed it')
}

/** The sums. The bills are those of the last attempt. */
function summed(all: readonly Metering[], last: Metering): Metering {
  let usage: Usage = {}
  let parts: Parts = NO_PARTS
  let units: Units = {}
  for (const one of all) {
    usage = addUsage(usage, one.usage)
    parts = addParts(parts, one.parts)
    units = addUnits(units, one.units)
  }
  const earlier = all.filter((one) => one !== last)
  const costs = earlier.map(({ cost }) => cost)
  const sums = { ...last, usage, parts, units, cost: summedCost(costs, last.cost) }
  if (earlier.every(({ bills }) => bills.length === 0)) return sums
  const because = [last.estimatedBecause, 'a failed attempt had reported usage'].filter(Boolean).join('; ')
  return { ...sums, source: last.source === 'none' ? 'estimated' : last.source, estimatedBecause: because }
}

/**
 * The sum of costs. An attempt of unknown cost makes a known sum an estimate: at least so much was billed. If no attempt is known to have
 * been billed, the sum is unknown.
 */
function summedCost(earlier: readonly Cost[], last: Cost): Cost {
  const all = [...earlier, last]
  const note = [...new Set(all.map((cost) => cost.note))].filter(Boolean).join('; ')
  const sumOf = (amount: (cost: Cost) => number | null | undefined): number =>
    all.reduce((sum, cost) => sum + (amount(cost) ?? 0), 0)
  const total = sumOf((cost) => cost.totalNanoUsd)
  const list = sumOf((cost) => cost.listNanoUsd)
  const unsure = earlier.some(({ status }) => status === 'unknown')
  if (last.status === 'unknown' || (unsure && total + list === 0)) return unknown(note)
  const exact = earlier.every(({ status }) => status === 'exact' || status === 'included')
  return {
    status: exact || last.status === 'included' ? last.status : 'estimated',
    totalNanoUsd: total,
    ...(last.listNanoUsd === undefined ? {} : { listNanoUsd: list }),
    priceList: all.findLast(({ priceList }) => priceList !== '')?.priceList ?? '',
    lines: all.flatMap(({ lines }) => lines),
    ...(last.matched ? { matched: last.matched } : {}),
    ...(note === '' ? {} : { note }),
  }
}

function attemptJson(attempt: Attempt, { usage, parts, cost }: Metering, about: TraceFacts): AttemptJson {
  const { provider, cause, status, firstByteUs, credential, notRetried, failed } = attempt
  const model = attempt.model ?? about.requestedModel
  const id = failed ? failed.upstreamRequestId : about.upstreamRequestId
  return {
    target: about.text(attempt.target ?? usualTarget({ provider, requestedModel: model }, 1)),
    provider,
    model: model === '' ? null : about.text(model),
    credential: credential ?? null,
    cause,
    status: status === 0 ? null : status,
    started_us: Math.round(attempt.startedUs),
    first_byte_us: firstByteUs < 0 ? null : Math.round(firstByteUs),
    ended_us: Math.round(attempt.endedUs),
    sent_bytes: attempt.sentBytes,
    usage: usageJson(usage, parts),
    cost_usd: cost.totalNanoUsd === null ? null : nanoToUsd(cost.totalNanoUsd),
    cost_status: cost.status,
    upstream_request_id: id === '' ? null : id,
    ...(notRetried === undefined ? {} : { not_retried: notRetried }),
  }
}

function usageJson(usage: Usage, parts: Parts): AttemptUsage {
  const input = inputTokens(usage)
  const output = outputTokens(usage)
  return {
    input_tokens: input,
    output_tokens: output,
    total_tokens: input + output,
    cache_read_input_tokens: parts.cacheRead,
    cache_creation_input_tokens: parts.cacheCreation,
    reasoning_tokens: parts.reasoning,
  }
}
