import { expect, test } from 'bun:test'
import { withTimeout } from './with-timeout.ts'
import { patientTimer } from './patient-timer.ts'

/** Longer than every time-out here, and than what counts as a pause. */
const PAUSED_MS = 600

test('an answer that came while the process was paused is in time', async () => {
  const answer = new Promise<string>((resolve) => setTimeout(() => resolve('here'), 200))
  const asked = withTimeout(answer, 100)
  Bun.sleepSync(PAUSED_MS)
  expect(await asked).toBe('here')
})

test('an answer that does not come after a pause either is late, and so is one without a pause', async () => {
  const silent = new Promise<string>(() => undefined)
  const asked = withTimeout(silent, 100)
  Bun.sleepSync(PAUSED_MS)
  expect(await asked.catch(String)).toBe('Error: no answer within 100 ms')
  expect(await withTimeout(silent, 100).catch(String)).toBe('Error: no answer within 100 ms')
})

test('a timer that is called off does not strike, paused or not', async () => {
  const struck: string[] = []
  const calledOff = patientTimer(50, () => struck.push('called off'))
  Bun.sleepSync(PAUSED_MS)
  // The first timer has struck late and waits once more.
  await Bun.sleep(1)
  calledOff()
  await new Promise<void>((resolve) => patientTimer(200, resolve))
  expect(struck).toEqual([])
})
