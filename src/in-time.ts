/**
 * An answer that must come within a time.
 *
 * @param late called with an answer that comes after all, but too late
 * @throws Error `no answer within … ms`, or what the answer itself throws
 */
export async function inTime<T>(
  answer: Promise<T>,
  timeoutMs: number,
  late?: (answer: T) => void,
): Promise<T> {
  const { promise: over, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    reject(new Error(`no answer within ${timeoutMs} ms`))
    answer.then(late, () => undefined)
  }, timeoutMs)
  try {
    return await Promise.race([answer, over])
  } finally {
    clearTimeout(timer)
  }
}
