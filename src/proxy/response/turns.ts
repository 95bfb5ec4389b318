/** Bytes that are inspected in one go. */
const PIECE_BYTES = 32 * 1024

/** How long to work before other exchanges get a turn. */
const TURN_MS = 20

/** The pieces of a chunk, each quick to inspect. */
export function* piecesOf(chunk: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < chunk.length; at += PIECE_BYTES) yield chunk.subarray(at, at + PIECE_BYTES)
}

/**
 * Gives other exchanges a turn while a large amount of content that is already here is inspected. Such a stream never waits by itself, so it
 * would run until all of it has passed.
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
