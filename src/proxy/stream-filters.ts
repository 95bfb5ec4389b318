import type { GatewayError } from '../errors.ts'
import { refusalEvent } from '../http/refusal.ts'
import { dialectOf } from '../providers/registry.ts'
import { declaredFraming } from '../redaction/body-kind.ts'
import type { Framing } from '../wire/framing/event-framing.ts'
import { restoringRules } from '../redaction/restore.ts'
import { EventFilter, type StreamFilter } from './event-filter.ts'
import { MAX_INSPECTED_BYTES } from './inspect.ts'
import type { OpenExchange } from './open-exchange.ts'
import type { ProxyContext } from './proxy-context.ts'
import { UsageEventFilter } from './stream-usage.ts'

/** What an answer that nothing looks at passes through: what only we had asked for is taken out. */
export function filtersOf({ injected, responseFacts, responseFields }: OpenExchange): StreamFilter[] {
  // A stream that is compressed all the same passes as it is. What has a length is hardly one, and must keep it.
  const { mediaType, codings } = responseFacts
  const mayStream = mediaType === 'text/event-stream' || responseFields['content-length'] === undefined
  return injected && mayStream && codings === '' ? [new UsageEventFilter()] : []
}

/** What events pass through: what only we had asked for is taken out, then the policy looks at them, then placeholders are put back. */
export function eventFilters(
  { injected, guard, restore, caller }: OpenExchange,
  { settings }: ProxyContext,
  framing: Framing,
): StreamFilter[] {
  const filters: StreamFilter[] = []
  if (injected && framing === 'sse') filters.push(new UsageEventFilter())
  const { redaction } = settings.inspector ?? {}
  const maxEventBytes = guard?.maxBytes ?? MAX_INSPECTED_BYTES
  if (guard && guard.response !== 'pass' && redaction) {
    const uninspectable = redaction.settings.uninspectable === 'deny'
    const refuses = { finds: guard.response === 'block', uninspectable }
    filters.push(new EventFilter({ rules: redaction.rulesOf(caller), framing, maxEventBytes, refuses }))
  }
  if (restore) {
    const refuses = { finds: false, uninspectable: false }
    filters.push(new EventFilter({ rules: restoringRules(restore), framing, maxEventBytes, refuses }))
  }
  return filters
}

/** @throws GatewayError when a filter lets nothing pass any more */
export function requirePassing(filters: readonly StreamFilter[]): void {
  for (const { refusal } of filters) if (refusal) throw refusal
}

/** What passes of a chunk. */
export function written(filters: readonly StreamFilter[], chunk: Uint8Array): Uint8Array {
  let passed = chunk
  for (const filter of filters) passed = filter.write(passed)
  return passed
}

/** What was held back, when the stream has ended. */
export async function ended(filters: readonly StreamFilter[]): Promise<Uint8Array> {
  let rest: Uint8Array = new Uint8Array(0)
  for (const filter of filters) {
    const passed = rest.length > 0 ? filter.write(rest) : rest
    rest = Buffer.concat([passed, await filter.end()])
  }
  return rest
}

/** Notes what the policy found in a stream. */
export function noteStream(
  { guard, inspection }: OpenExchange,
  filters: readonly StreamFilter[],
  refusal?: GatewayError,
): void {
  if (!guard || guard.response === 'pass') return
  const filter = filters.find((one) => one instanceof EventFilter)
  if (!filter) return
  const { counts, uninspectable } = filter
  const found = Object.keys(counts).length > 0
  const refused = refusal?.code === 'response_blocked' ? 'blocked' : 'denied'
  inspection.response = {
    decision: refusal ? refused : found ? 'redacted' : 'passed',
    counts,
    ...(uninspectable > 0 ? { uninspectable } : {}),
    ...(refused === 'denied' && refusal ? { reason: refusal.message } : {}),
  }
}

/** The last event of a stream that is refused on its way. */
export function refusalIn(
  { target, responseFacts, wire, correlationId }: OpenExchange,
  error: GatewayError,
): Uint8Array {
  const events = declaredFraming(responseFacts.mediaType) ?? 'sse'
  return refusalEvent(error, dialectOf(target.readings, target.upstream.dialect), {
    events,
    api: wire.api,
    correlationId,
  })
}
