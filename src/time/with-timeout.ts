import { patientTimer } from './patient-timer.ts'

/**
 * An answer that must come within a time, in which the process was not paused.
 *
 * @param late called with an answer that comes after all, but too late
 * @throws Error `no answer within … ms`, or what the answer itself throws
 */
export async function withTimeout<T>(
  answer: Promise<T>,
  timeoutMs: number,
  late?: (answer: T) => void,
): Promise<T> {
  const { promise: over, reject } = Promise.withResolvers<never>()
  const callOff = patientTimer(timeoutMs, () => {
    reject(new Error(`no answer within ${timeoutMs} ms`))
    answer.then(late, () => undefined)
  })
  try {
    return await Promise.race([answer, over])
  } finally {
    callOff()
  }
}
