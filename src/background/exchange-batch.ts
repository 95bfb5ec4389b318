import type { Contents, Exchange } from '../traces/exchange.ts'
import type { ExchangeBatch } from './protocol.ts'

/** A finished exchange and what is known of its contents. */
export interface FinishedExchange {
  readonly exchange: Exchange
  readonly contents: Contents
}

/** Exchanges that become one JSON text. The quick way of writing one ends at 8 KiB, and begins again in the slow way. */
const TOGETHER = 4

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
    const { request, response } = contents
    if (request) block.set(request, offset)
    offset += request?.length ?? 0
    if (response) block.set(response, offset)
    offset += response?.length ?? 0
  }
  const lines = [JSON.stringify(lengths)]
  for (let at = 0; at < finished.length; at += TOGETHER)
    lines.push(JSON.stringify(finished.slice(at, at + TOGETHER).map(({ exchange }) => exchange)))
  return { kind: 'exchanges', text: lines.join('\n'), contents: block }
}

/** Unpacks what `packExchanges` packed. Contents are views of the block. */
export function unpackExchanges({ text, contents }: ExchangeBatch): FinishedExchange[] {
  const [first, ...lines] = text.split('\n')
  const lengths = JSON.parse(first!) as number[]
  let offset = 0
  const take = (length: number): Uint8Array | undefined => {
    if (length < 0) return undefined
    offset += length
    return contents.subarray(offset - length, offset)
  }
  const finished: FinishedExchange[] = []
  for (const line of lines) {
    for (const exchange of JSON.parse(line) as Exchange[]) {
      const at = finished.length * 2
      const request = take(lengths[at]!)
      finished.push({ exchange, contents: { request, response: take(lengths[at + 1]!) } })
    }
  }
  return finished
}
