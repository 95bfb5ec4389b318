/** What was read of a body, and then the rest of it. */
export async function* resumed(
  pieces: readonly Uint8Array[],
  body: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    yield* pieces
    for (;;) {
      const { done, value } = await body.next()
      if (done) return
      yield value
    }
  } finally {
    await body.return?.()
  }
}
