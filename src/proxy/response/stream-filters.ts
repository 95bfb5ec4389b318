import type { GatewayError } from '../../errors.ts'
import { refusalEvent } from '../../http/refusal.ts'
import { declaredFraming } from '../../redaction/body-kind.ts'
import type { OpenExchange } from '../exchange/open-exchange.ts'
import type { StreamFilter } from '../policies/content-policy.ts'

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

/** The last event of a stream that is refused on its way. */
export function refusalIn(
  { dialect, responseFacts, wire, correlationId }: OpenExchange,
  error: GatewayError,
): Uint8Array {
  const events = declaredFraming(responseFacts.mediaType) ?? 'sse'
  return refusalEvent(error, dialect, {
    events,
    api: wire.api,
    correlationId,
  })
}
