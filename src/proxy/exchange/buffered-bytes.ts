/** Content of a known length up to this passes in one piece, at half the cost; everything else streams. */
export const BUFFERED_BYTES = 256 * 1024
