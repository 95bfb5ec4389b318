/** Traces that are worth a transaction, once they have waited for a while. */
const EAGER_RECORDS = 16
const EAGER_MS = 10

/** Traces that are worth a transaction at once. */
const MANY_RECORDS = 64

/**
 * Whether pending traces are to be written now.
 *
 * Few at once: a long spell of this thread makes requests wait where both share a processor. Not too few: each transaction writes every
 * page that it touched, so 48 traces cost less together than in three transactions.
 *
 * @param waitedMs age of the oldest
 * @param longestMs wait after which a single one is written
 */
export function isDue(records: number, waitedMs: number, longestMs: number): boolean {
  if (records >= MANY_RECORDS) return true
  return records > 0 && waitedMs >= (records >= EAGER_RECORDS ? Math.min(EAGER_MS, longestMs) : longestMs)
}
