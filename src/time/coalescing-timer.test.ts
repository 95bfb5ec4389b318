import { expect, test } from 'bun:test'
import { CoalescingTimer } from './coalescing-timer.ts'
import { VirtualClock } from '../../test/support/virtual-clock.ts'

test('runs once for all that asked meanwhile, within the shortest time that was asked for', async () => {
  const clock = new VirtualClock()
  const ran: number[] = []
  const timer = new CoalescingTimer(() => ran.push(clock.now()), clock)
  timer.arm(100)
  await clock.pass(50)
  timer.arm(100)
  timer.arm(20)
  timer.arm(60)
  await clock.pass(1000)
  expect(ran).toEqual([70])
})

test('is not armed any more when it runs, so what asks then is served', async () => {
  const clock = new VirtualClock()
  const ran: number[] = []
  const timer: CoalescingTimer = new CoalescingTimer(() => {
    ran.push(clock.now())
    if (ran.length < 3) timer.arm(10)
  }, clock)
  timer.arm(10)
  await clock.pass(1000)
  expect(ran).toEqual([10, 20, 30])
  timer.arm(10)
  timer.cancel()
  await clock.pass(1000)
  timer.arm(10)
  await clock.pass(1000)
  expect(ran).toEqual([10, 20, 30, 2010])
})
