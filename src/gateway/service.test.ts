import { expect, test } from 'bun:test'
import { Services, type Service } from './service.ts'

function noted(names: readonly string[], failing?: string): { services: Services; notes: string[] } {
  const notes: string[] = []
  const service = (name: string): Service => ({
    name,
    async start() {
      await Bun.sleep(0)
      if (name === failing) throw new Error(`${name} cannot be started`)
      notes.push(`start ${name}`)
    },
    async stop() {
      await Bun.sleep(0)
      notes.push(`stop ${name}`)
    },
  })
  return { services: new Services(names.map(service)), notes }
}

test('services are started one after another and stopped in the reverse order, once', async () => {
  const { services, notes } = noted(['a', 'b', 'c'])
  await services.start()
  expect(services.stopping).toBe(false)
  await Promise.all([services.stop(), services.stop()])
  expect(services.stopping).toBe(true)
  expect(notes).toEqual(['start a', 'start b', 'start c', 'stop c', 'stop b', 'stop a'])
})

test('a service that cannot be started stops those before it, and nothing after it is started', async () => {
  const { services, notes } = noted(['a', 'b', 'c', 'd'], 'c')
  expect(await services.start().catch((error: Error) => error.message)).toBe('c cannot be started')
  expect(notes).toEqual(['start a', 'start b', 'stop b', 'stop a'])
})
