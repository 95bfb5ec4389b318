import { disjoint } from '../../usage/usage.ts'
import { countOf, objectOf, textOf } from '../../wire/json/values.ts'
import { takeUsage } from './take-usage.ts'
import type { Reading, WireApi } from './wire-api.ts'

/** How long Gemini keeps a cache that names no time. */
const DEFAULT_SECONDS = 3600

/** Counts besides the tokens, until the bill is made. */
const SECONDS = 'kept_seconds'

/**
 * Gemini's `cachedContents`: what is put into a cache costs its tokens at the input price, and their storage by the hour until
 * it expires.
 *
 * @see https://ai.google.dev/api/caching
 * @see https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/context-cache/context-cache-overview
 */
export const cachedContents: WireApi = {
  name: 'cached_contents',
  operation: 'generate_content',
  notEstimated: true,

  readResponse(reading, response) {
    reading.model ??= textOf(response['model'])?.replace(/^.*models\//, '')
    takeUsage(reading, objectOf(response['usageMetadata']))
    const created = Date.parse(textOf(response['createTime']) ?? '')
    const expires = Date.parse(textOf(response['expireTime']) ?? '')
    if (expires >= created) keep(reading, (expires - created) / 1000)
    reading.complete = true
  },

  foldEvent: () => false,

  readRequest(reading, request) {
    const ttl = /^(\d+(?:\.\d+)?)s$/.exec(textOf(request['ttl']) ?? '')?.[1]
    if (ttl !== undefined && !reading.toolCalls.has(SECONDS)) keep(reading, Number(ttl))
  },

  meter({ usage, toolCalls }, notes) {
    const tokens = countOf(usage?.['totalTokenCount'])
    if (!tokens) return []
    const hours = (toolCalls.get(SECONDS) ?? DEFAULT_SECONDS) / 3600
    const kept = Math.round(tokens * hours * 1e6) / 1e6
    return [{ ...disjoint({ input: tokens, output: 0 }, notes), units: { cached_token_hours: kept } }]
  },
}

/** A hundred years of storage are not believed. */
const MAX_SECONDS = 100 * 366 * 86_400

function keep(reading: Reading, seconds: number): void {
  reading.toolCalls.set(SECONDS, Math.min(seconds, MAX_SECONDS))
}
