import type { JsonObject } from '../wire/json/values.ts'
import type { Cost } from '../usage/cost.ts'
import type { ModelNames } from '../usage/model-names.ts'
import type { MatchedName } from '../usage/model-rates.ts'
import type { Parts } from '../usage/usage.ts'
import type { sendingDetail } from './sending-detail.ts'
import type { ContentReading } from './content-reading.ts'
import type { Exchange } from './exchange.ts'
import type { Metering } from './metering.ts'
import { traceCost } from './reprice.ts'
import { toStoredBills } from './stored-bills.ts'
import type { StoredContent } from './stored-content.ts'
import type { TraceCost, TraceDetail } from './trace.ts'

/** What the detail of a trace is made of, besides the exchange and its content. */
export interface DetailParts {
  readonly metering: Metering
  /** As it is charged: a subscription may pay. */
  readonly cost: Cost
  readonly model: string
  readonly requestedModel: string
  readonly names: ModelNames
  /** As `placeOf` reads it. */
  readonly place: string
  /** How the request was sent. */
  readonly sending: ReturnType<typeof sendingDetail>
  readonly stored: StoredContent
}

// Objects are filled member by member here: copying members from one to another would cost the most.
type Mutable<Value> = { -readonly [name in keyof Value]: Value[name] }

/** The parts of a trace that only its detail view reads, with their texts as they are stored. */
export function traceDetail(exchange: Exchange, content: ContentReading, parts: DetailParts): TraceDetail {
  const { cost, sending, stored } = parts
  const { cacheDiagnosis } = content.response
  const detail: Mutable<TraceDetail> = {
    usage: stored.json(usageDetail(exchange, content, parts)),
    cost: storedCost(traceCost(cost), stored),
    timing: sending.timing,
    upstream: sending.upstream,
  }
  if (sending.attempts) detail.attempts = sending.attempts
  if (sending.mutated) detail.mutated = sending.mutated
  if (sending.fidelity) detail.fidelity = sending.fidelity
  if (cacheDiagnosis !== undefined) detail.cache = { provider_says: stored.json(cacheDiagnosis) }
  return detail
}

/** Longest of the provider's words. */
export const MAX_WORD_LENGTH = 128

/** Largest usage object stored unchanged. Providers' are a tenth of it. */
const MAX_RAW_CHARACTERS = 16 * 1024

function usageDetail(
  { responseBytes }: Exchange,
  content: ContentReading,
  { metering, model, requestedModel, names, place }: DetailParts,
): TraceDetail['usage'] {
  const { response } = content
  const { bills, units } = metering
  const parts = partsJson(metering.parts)
  const [first] = bills
  const plain =
    bills.length === 1 &&
    (first?.model ?? model) === model &&
    (first?.serviceTier ?? response.serviceTier) === response.serviceTier &&
    first?.reportedUsd === undefined &&
    first?.unreported === undefined
  const detail: Mutable<TraceDetail['usage']> = { buckets: metering.usage }
  // Most traces have no other names than their two.
  if (names.answered !== model || names.requested !== requestedModel || names.path !== undefined)
    detail.models = names
  if (Object.keys(units).length > 0) detail.units = units
  if (parts) detail.parts = parts
  if (bills.length > 0 && !plain) detail.bills = toStoredBills(bills)
  if (response.serviceTier) detail.service_tier = response.serviceTier.slice(0, MAX_WORD_LENGTH)
  if (response.speed) detail.speed = response.speed.slice(0, MAX_WORD_LENGTH)
  if (response.inferenceGeo) detail.inference_geo = response.inferenceGeo.slice(0, MAX_WORD_LENGTH)
  if (place) detail.place = place.slice(0, MAX_WORD_LENGTH)
  if (metering.estimatedBecause) detail.estimated_because = metering.estimatedBecause
  if (response.usage && isSmall(response.usage, responseBytes)) detail.raw = response.usage
  if (content.notes.length + metering.notes.length > 0)
    detail.notes = [...content.notes, ...metering.notes].slice(0, MAX_NOTES)
  return detail
}

/** A receipt as it is stored. Model names and notes are external text, so they are redacted, in place. */
function storedCost(cost: Mutable<TraceCost>, stored: StoredContent): TraceCost {
  const { lines, matched, note } = cost
  cost.lines = storedLines(lines, stored)
  if (matched) cost.matched = storedName(matched, stored)
  if (note !== undefined) cost.note = stored.text(note)
  return cost
}

/** The same object where nothing is stored otherwise. */
function storedName(matched: MatchedName, stored: StoredContent): MatchedName {
  const name = stored.text(matched.name)
  const entry = stored.text(matched.entry)
  return name === matched.name && entry === matched.entry ? matched : { ...matched, name, entry }
}

/** The same lines where no model's name is stored otherwise. */
function storedLines(lines: TraceCost['lines'], stored: StoredContent): TraceCost['lines'] {
  for (const { model } of lines)
    if (stored.text(model) !== model)
      return lines.map((line) => ({ ...line, model: stored.text(line.model) }))
  return lines
}

/** A usage object is no larger than its response, so only those of large responses are measured. */
function isSmall(usage: JsonObject, responseBytes: number): boolean {
  return responseBytes <= MAX_RAW_CHARACTERS || JSON.stringify(usage).length <= MAX_RAW_CHARACTERS
}

/** Largest number of notes in a trace. A session of thousands of responses would repeat the same notes. */
const MAX_NOTES = 20

function partsJson(parts: Parts): TraceDetail['usage']['parts'] {
  if (parts.audioInput + parts.audioOutput + parts.imageInput + parts.imageOutput === 0) return undefined
  return {
    ...(parts.audioInput > 0 ? { audio_input_tokens: parts.audioInput } : {}),
    ...(parts.audioOutput > 0 ? { audio_output_tokens: parts.audioOutput } : {}),
    ...(parts.imageInput > 0 ? { image_input_tokens: parts.imageInput } : {}),
    ...(parts.imageOutput > 0 ? { image_output_tokens: parts.imageOutput } : {}),
  }
}
