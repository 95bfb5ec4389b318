import type { Contents, Exchange } from '../traces/exchange.ts'
import type { ExchangeBatch } from './protocol.ts'

/** A finished exchange and what is known of its contents. */
export interface FinishedExchange {
  readonly exchange: Exchange
  readonly contents: Contents
}

/** Packs exchanges for the way to the recorder thread; the contents go into new memory that may be transferred. */
export function packExchanges(finished: readonly FinishedExchange[]): ExchangeBatch {
  const lengths: number[] = []
  let size = 0
  for (const { contents } of finished) {
    lengths.push(contents.request?.length ?? -1, contents.response?.length ?? -1)
    size += (contents.request?.length ?? 0) + (contents.response?.length ?? 0)
  }
  const block = new Uint8Array(size)
  let offset = 0
  for (const { contents } of finished) {
    for (const content of [contents.request, contents.response]) {
      if (!content) continue
      block.set(content, offset)
      offset += content.length
    }
  }
  return {
    kind: 'exchanges',
    text: JSON.stringify(finished.map(({ exchange }) => exchange)),
    lengths,
    contents: block,
  }
}

/** Unpacks what `packExchanges` packed. Contents are views of the block. */
export function unpackExchanges({ text, lengths, contents }: ExchangeBatch): FinishedExchange[] {
  let offset = 0
  const take = (length: number): Uint8Array | undefined => {
    if (length < 0) return undefined
    offset += length
    return contents.subarray(offset - length, offset)
  }
  return (JSON.parse(text) as Exchange[]).map((exchange, i) => ({
    exchange,
    contents: { request: take(lengths[i * 2]!), response: take(lengths[i * 2 + 1]!) },
  }))
}
