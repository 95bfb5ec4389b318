/**
 * The content of a request:
 *
 * - `held` is complete and may be sent again
 * - `streamed` passes once
 * - `replayable` is held up to a bound, and is streamed from there on
 */
export type RequestBody =
  | { readonly kind: 'held'; readonly bytes: Uint8Array }
  | { readonly kind: 'streamed'; readonly chunks: AsyncIterable<Uint8Array> }
  | {
      readonly kind: 'replayable'
      readonly beginning: readonly Uint8Array[]
      readonly rest: AsyncIterator<Uint8Array>
    }
