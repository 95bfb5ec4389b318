import { listOf, objectOf, type JsonObject } from '../../wire/json/values.ts'

/** Longest time that a response may ask for. */
const MAX_RESET_MS = 60 * 60_000

/** Fields of a response. Names are lower-case. */
type Fields = Readonly<Record<string, string | readonly string[] | undefined>>

/**
 * How long a target or a credential wants to rest, by the fields or the content of its response. The first of these that is given counts:
 * `retry-after-ms`, `retry-after`, Gemini's `RetryInfo`, and the reset fields of what is used up.
 *
 * @param content of the response, parsed; `undefined` when it is no JSON object
 * @param nowMs epoch milliseconds
 * @returns milliseconds from now, an hour at most; `undefined` when nothing is said
 * @see https://datatracker.ietf.org/doc/html/rfc9110#section-10.2.3
 * @see https://docs.anthropic.com/en/api/rate-limits#response-headers
 */
export function resetMs(fields: Fields, content: JsonObject | undefined, nowMs: number): number | undefined {
  const given =
    numberIn(textOf(fields, 'retry-after-ms'), 1) ??
    retryAfter(textOf(fields, 'retry-after'), nowMs) ??
    retryInfo(content) ??
    ofWindows(fields, nowMs)
  return given === undefined ? undefined : Math.min(MAX_RESET_MS, Math.max(0, Math.ceil(given)))
}

function textOf(fields: Fields, name: string): string {
  const value = fields[name]
  return (typeof value === 'string' ? value : (value?.[0] ?? '')).trim()
}

function numberIn(text: string, factor: number): number | undefined {
  return /^\d+(?:\.\d+)?$/.test(text) ? Number(text) * factor : undefined
}

function retryAfter(text: string, nowMs: number): number | undefined {
  return numberIn(text, 1000) ?? untilDate(text, nowMs)
}

/** Only what names a day is a date: `Date.parse` takes many other texts for one. */
function untilDate(text: string, nowMs: number): number | undefined {
  const at = /^\d{4}-\d\d-\d\d|^[A-Z][a-z]{2}, /.test(text) ? Date.parse(text) : NaN
  return Number.isNaN(at) ? undefined : at - nowMs
}

/** @see https://cloud.google.com/apis/design/errors#error_details */
function retryInfo(content: JsonObject | undefined): number | undefined {
  for (const entry of listOf(objectOf(content?.['error'])?.['details'])) {
    const delay = objectOf(entry)?.['retryDelay']
    if (typeof delay === 'string') return duration(delay)
  }
  return undefined
}

/** The windows that a field of limits may name. */
const WINDOWS = /^(x-ratelimit|anthropic-ratelimit)(-[a-z-]+)?$/

/**
 * The reset of the window that is used up; of several the last. If no window says that it is used up, the first reset is taken.
 */
function ofWindows(fields: Fields, nowMs: number): number | undefined {
  const usedUp: number[] = []
  const others: number[] = []
  for (const name of Object.keys(fields)) {
    // OpenAI: `x-ratelimit-reset-tokens`, Anthropic: `anthropic-ratelimit-tokens-reset`.
    const of = name.endsWith('-reset') ? name.slice(0, -'-reset'.length) : name.replace('-reset-', '-')
    if (of === name || !WINDOWS.test(of)) continue
    const resets = resetOf(textOf(fields, name), nowMs)
    if (resets === undefined) continue
    const left = name.endsWith('-reset') ? `${of}-remaining` : name.replace('-reset-', '-remaining-')
    if (numberIn(textOf(fields, left), 1) === 0) usedUp.push(resets)
    else others.push(resets)
  }
  if (usedUp.length > 0) return Math.max(...usedUp)
  return others.length > 0 ? Math.min(...others) : undefined
}

/** From this number on it is a time in milliseconds, below it one in seconds; what is smaller is a duration. */
const EPOCH_SECONDS = 1e9
const EPOCH_MS = 1e12

/** `1s`, `6m0s`, `20ms`, seconds, a time of the epoch in seconds or milliseconds, or a date. */
function resetOf(text: string, nowMs: number): number | undefined {
  const number = numberIn(text, 1)
  if (number === undefined) return duration(text) ?? untilDate(text, nowMs)
  if (number >= EPOCH_MS) return number - nowMs
  return number >= EPOCH_SECONDS ? number * 1000 - nowMs : number * 1000
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** A duration as Go and Protobuf write it. @returns milliseconds; `undefined` when it is none */
function duration(text: string): number | undefined {
  if (!/^(?:\d+(?:\.\d+)?(?:ms|[smhd]))+$/.test(text)) return undefined
  let sum = 0
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhd])/g))
    sum += Number(amount) * UNITS[unit!]!
  return sum
}
