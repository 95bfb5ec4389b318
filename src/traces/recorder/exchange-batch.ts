import type { Exchange, ExchangeBatch } from '../exchange.ts'

/** Packs exchanges for the way to the recorder thread; `contents` is new memory that may be transferred. */
export function packExchanges(exchanges: readonly Exchange[]): ExchangeBatch {
  const lengths: number[] = []
  const pieces: Uint8Array[] = []
  let size = 0
  const bare = exchanges.map(({ requestContent, responseContent, ...rest }) => {
    for (const content of [requestContent, responseContent]) {
      lengths.push(content ? content.length : -1)
      if (!content) continue
      pieces.push(content)
      size += content.length
    }
    return rest
  })
  const contents = new Uint8Array(size)
  let offset = 0
  for (const piece of pieces) {
    contents.set(piece, offset)
    offset += piece.length
  }
  return { kind: 'exchanges', text: JSON.stringify(bare), lengths, contents }
}

/** Unpacks what `packExchanges` packed. Contents are views of the block. */
export function unpackExchanges({ text, lengths, contents }: ExchangeBatch): Exchange[] {
  let offset = 0
  const take = (length: number): Uint8Array => {
    offset += length
    return contents.subarray(offset - length, offset)
  }
  return (JSON.parse(text) as Exchange[]).map((exchange, i) => {
    const requestLength = lengths[i * 2]!
    const responseLength = lengths[i * 2 + 1]!
    return {
      ...exchange,
      ...(requestLength >= 0 ? { requestContent: take(requestLength) } : {}),
      ...(responseLength >= 0 ? { responseContent: take(responseLength) } : {}),
    }
  })
}
