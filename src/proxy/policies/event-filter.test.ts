import { expect, test } from 'bun:test'
import { SETTINGS } from '../../../test/support/redaction-settings.ts'
import { Redaction } from '../../redaction/redaction.ts'
import { EventFilter } from './event-filter.ts'

const event = (content: string): Buffer =>
  Buffer.from(`data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`)

test('a stream whose event takes too long to look through is refused, and nothing of it passes any more', () => {
  const custom = [{ name: 'slow', type: '', pattern: 'a(?:[^x]*b)?', words: [] }]
  const rules = new Redaction({ ...SETTINGS, custom }).rulesOf({ organizationId: 'o', workspaceId: 'w' })
  const refuses = { finds: false, uninspectable: true }
  const filter = new EventFilter({ rules, framing: 'sse', maxEventBytes: 1_000_000, refuses })
  expect(filter.write(event('Some words. '.repeat(30)))).toHaveLength(0)
  expect(Buffer.from(filter.write(event('Once more. '.repeat(30)))).toString()).toContain('Some words.')
  expect(filter.refusal).toBeUndefined()
  expect(filter.write(event('a'.repeat(200_000)))).toHaveLength(0)
  expect(filter.refusal?.code).toBe('response_uninspectable')
  expect(filter.refusal?.message).toContain('longer than 500 ms')
  expect(filter.write(event('a time '))).toHaveLength(0)
  expect(filter.end()).toHaveLength(0)
})
