/**
 * The beginning of a body that was read, then its rest.
 *
 * @param passedOn called once, when what was read has been passed on
 */
export async function* resumed(
  pieces: readonly Uint8Array[],
  body: AsyncIterator<Uint8Array>,
  passedOn: () => void = () => {},
): AsyncGenerator<Uint8Array> {
  try {
    yield* pieces
    passedOn()
    for (;;) {
      const { done, value } = await body.next()
      if (done) return
      yield value
    }
  } finally {
    await body.return?.()
  }
}
