/** Bytes that are looked at in one go. */
const PIECE_BYTES = 32 * 1024

/** Work after which others have their turn. */
const TURN_MS = 20

/** The pieces of a chunk, each of which takes little time to look at. */
export function* piecesOf(chunk: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < chunk.length; at += PIECE_BYTES) yield chunk.subarray(at, at + PIECE_BYTES)
}

/**
 * Lets others have their turn while much that has come already is looked at: without waiting for anything, a stream would go on until all
 * of it is passed.
 */
export class Turns {
  #since = performance.now()

  /** @returns `undefined` as long as the turn lasts; else what to wait for */
  next(): Promise<void> | undefined {
    if (performance.now() - this.#since < TURN_MS) return undefined
    return new Promise((resolve) =>
      setImmediate(() => {
        this.#since = performance.now()
        resolve()
      }),
    )
  }
}
