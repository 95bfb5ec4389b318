import type { Reading } from '../providers/apis/wire-api.ts'
import { operationOf } from '../providers/registry.ts'
import { NO_COST, priceUsage, unknown, type Cost } from '../usage/cost.ts'
import {
  encodingOf,
  estimateRequestTokens,
  estimateTokens,
  type CountTokens,
  type Encoding,
} from '../usage/estimate.ts'
import type { ModelNames } from '../usage/model-names.ts'
import type { ModelRates } from '../usage/model-rates.ts'
import {
  addParts,
  addUnits,
  addUsage,
  inOrder,
  inputTokens,
  NO_PARTS,
  outputTokens,
  type ModelUsage,
  type Parts,
  type Units,
  type Usage,
} from '../usage/usage.ts'
import { readPath } from '../wire/url/path-readings.ts'
import type { ContentReading } from './content-reading.ts'
import type { Exchange } from './exchange.ts'
import { estimated } from './reprice.ts'
import type { UsageSource } from './trace.ts'

/** What an exchange used and cost. */
export interface Metering {
  /** The response's own tokens. Bills of other models are only in `bills`. */
  readonly usage: Usage
  readonly units: Units
  readonly parts: Parts
  /** Every bill, the response's own first. */
  readonly bills: readonly ModelUsage[]
  readonly source: UsageSource
  readonly cost: Cost
  readonly notes: readonly string[]
  /** Why the usage is an estimate; absent when it is as reported. */
  readonly estimatedBecause?: string
}

/** The inputs of metering from outside. */
export interface MeteringPorts {
  /** The responding model, else the requested one. */
  readonly model: string
  readonly names: ModelNames
  /** Where it ran, as `placeOf` reads it. */
  readonly place: string
  readonly find: (names: ModelNames) => ModelRates | undefined
  readonly count: CountTokens
}

/** Meters a finished exchange: what its response reports, else an estimate, else why neither is possible. */
export function meter(exchange: Exchange, content: ContentReading, ports: MeteringPorts): Metering {
  const way = wayOf(exchange, content)
  switch (way.kind) {
    case 'free':
      return nothing(NO_COST)
    case 'unknown':
      return nothing(unknown(way.why))
    case 'reported':
      return meterReported(exchange, content.response, way, ports)
    case 'estimated':
      return meterEstimated(exchange, content, ports)
    default:
      return way satisfies never
  }
}

/** The tokenizer for an estimate of this exchange. `undefined` if none is needed or none exists. */
export function encodingNeeded(
  exchange: Exchange,
  content: ContentReading,
  model: string,
): Encoding | undefined {
  // Most responses are complete and report their usage.
  if (content.response.complete && content.response.usage) return undefined
  const way = wayOf(exchange, content)
  const estimates = way.kind === 'estimated' || (way.kind === 'reported' && way.cut)
  return estimates ? encodingOf(model) : undefined
}

type Way =
  | { readonly kind: 'free' }
  | { readonly kind: 'unknown'; readonly why: string }
  | {
      readonly kind: 'reported'
      readonly bills: readonly ModelUsage[]
      readonly notes: string[]
      /** The stream broke off before its end. */
      readonly cut: boolean
    }
  | { readonly kind: 'estimated' }

function wayOf(exchange: Exchange, { api, response, streamed, understood }: ContentReading): Way {
  if (exchange.outcome === 'refused' || exchange.free) return { kind: 'free' }
  const failed = exchange.status >= 400 && exchange.outcome === 'completed'
  if (!api) return failed ? { kind: 'free' } : { kind: 'unknown', why: whyUnread(exchange) }
  const notes = response.notes.slice()
  const bills = failed && !response.usage ? [] : api.meter(response, notes)
  if (response.unmeasured !== undefined) return { kind: 'unknown', why: response.unmeasured }
  const cut = response.complete !== true && (exchange.streaming || streamed || api.fetches === true)
  if (bills.length > 0) {
    // Part of a file of results. It counts when it is fetched completely, never twice.
    if (cut && api.lines) return { kind: 'unknown', why: 'the results were not fetched to their end' }
    return { kind: 'reported', bills, notes, cut }
  }
  // The unseen rest may have reported something.
  const seen = exchange.outcome === 'completed' && response.complete !== false
  if (failed || (api.freeUnlessReported && seen)) return { kind: 'free' }
  if (response.pending) {
    return { kind: 'unknown', why: 'the response is not finished; it counts when it is fetched' }
  }
  if (response.error !== undefined && response.output.length === 0) {
    return { kind: 'unknown', why: 'the answer failed and reports no usage' }
  }
  if (exchange.upstreamFirstByteUs < 0) {
    const { errorCode } = exchange
    if (errorCode === 'upstream_unreachable' || errorCode === 'upstream_connect_timeout')
      return { kind: 'free' }
    return { kind: 'unknown', why: 'the exchange ended before an answer; the provider may have billed it' }
  }
  if (!understood && (exchange.outcome === 'completed' || exchange.responseBytes > 0)) {
    return { kind: 'unknown', why: 'the answer is neither JSON nor events, or too little of it was seen' }
  }
  if (api.notEstimated || api.fetches) return { kind: 'unknown', why: 'the answer reports no usage' }
  return { kind: 'estimated' }
}

function whyUnread({ method, path }: Exchange): string {
  const { cost } = operationOf(method, readPath(path), false)
  return 'because' in cost ? `this API is not metered: ${cost.because}` : 'this API is not metered'
}

function nothing(cost: Cost): Metering {
  return { usage: {}, units: {}, parts: NO_PARTS, bills: [], source: 'none', cost, notes: [] }
}

function meterReported(
  exchange: Exchange,
  response: Reading,
  { bills: reported, notes, cut }: Extract<Way, { kind: 'reported' }>,
  ports: MeteringPorts,
): Metering {
  const { outcome, injected } = exchange
  // If the provider itself ended the response early, its report stands.
  const broken = cut && outcome !== 'completed'
  const bills = broken ? raiseOutput(response, reported, ports, notes) : reported
  const raised = bills !== reported
  const cost = priceBills(exchange, response, bills, ports)
  const source: UsageSource = raised ? 'estimated' : injected ? 'injected' : 'reported'
  const { usage, units, parts } = sumsOf(bills)
  if (!cut) return { usage, units, parts, bills, source, cost, notes }
  const because =
    response.error === undefined || broken
      ? 'the answer was cut; output is counted up to the cut'
      : 'the answer failed; what it had reported until then is counted'
  return {
    usage,
    units,
    parts,
    bills,
    source,
    cost: estimated(cost, because),
    notes,
    estimatedBecause: because,
  }
}

function priceBills(
  { startedAtUs }: Exchange,
  { serviceTier, speed, inferenceGeo }: Reading,
  bills: readonly ModelUsage[],
  { model, names, place, find }: MeteringPorts,
): Cost {
  return priceUsage({
    model,
    names,
    bills,
    serviceTier,
    speed,
    inferenceGeo,
    place,
    at: startedAtUs / 1000,
    find,
  })
}

const NO_UNITS: Units = {}

/** The response's own totals. */
export function sumsOf(bills: readonly ModelUsage[]): Pick<Metering, 'usage' | 'units' | 'parts'> {
  const [first] = bills
  // Nearly all have one bill.
  if (first && bills.length === 1 && first.apart === undefined && first.units === undefined)
    return { usage: inOrder(first.usage), units: NO_UNITS, parts: first.parts }
  let usage: Usage = {}
  let units: Units = {}
  let parts = NO_PARTS
  for (const bill of bills) {
    if (bill.apart) continue
    usage = addUsage(usage, bill.usage)
    parts = addParts(parts, bill.parts)
    if (bill.units) units = addUnits(units, bill.units)
  }
  return { usage, units, parts }
}

/** A cut stream reports only the output of its beginning. Output seen since is estimated. */
function raiseOutput(
  { output }: Reading,
  bills: readonly ModelUsage[],
  { model, count }: MeteringPorts,
  notes: string[],
): readonly ModelUsage[] {
  const [only] = bills
  if (!only || bills.filter((bill) => !bill.apart).length !== 1) return bills
  const more = estimateTokens(output, model, count) - outputTokens(only.usage)
  if (more <= 0) return bills
  notes.push(`output raised by ${more} tokens to what was seen of the stream`)
  const usage = { ...only.usage, output_text: (only.usage.output_text ?? 0) + more }
  return [{ ...only, usage }, ...bills.slice(1)]
}

/** A response without usage: estimates input and output text, with a tokenizer or a documented ratio. */
function meterEstimated(
  exchange: Exchange,
  { request, response, api }: ContentReading,
  ports: MeteringPorts,
): Metering {
  const { model, count } = ports
  if (!request) {
    return nothing(unknown('the answer reports no usage and the request was too large to estimate'))
  }
  const output = api?.operation === 'embeddings' ? 0 : estimateTokens(response.output, model, count)
  const usage: Usage = {
    input_uncached: estimateRequestTokens(request, model, count),
    ...(output > 0 ? { output_text: output } : {}),
  }
  if (inputTokens(usage) + output === 0) {
    return nothing(unknown('the answer reports no usage, and there is no text to estimate it from'))
  }
  const bills = [{ usage, parts: NO_PARTS }]
  const cost = priceBills(exchange, response, bills, ports)
  const why =
    response.error !== undefined
      ? 'the answer failed before its usage'
      : exchange.outcome === 'completed'
        ? 'the answer reports no usage'
        : 'the answer was cut before its usage'
  const because = `${why}; estimated from the text`
  return {
    ...sumsOf(bills),
    bills,
    source: 'estimated',
    cost: estimated(cost, because),
    notes: [],
    estimatedBecause: because,
  }
}
