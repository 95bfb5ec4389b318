import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { wireApiNamed } from '../../providers/registry.ts'
import { StreamBeginning, type StreamState } from './stream-beginning.ts'

const event = (value: object): string => `data: ${JSON.stringify(value)}\n\n`

interface Case {
  readonly name: string
  readonly api: string
  /** Up to the event that decides. */
  readonly before: string
  readonly decides: string
  readonly state: StreamState
}

const CASES: readonly Case[] = [
  {
    name: 'Chat Completions: the role is no content',
    api: 'chat_completions',
    before: event({ choices: [{ delta: { role: 'assistant', content: '' } }] }),
    decides: event({ choices: [{ delta: { content: 'Hi' } }] }),
    state: 'passes',
  },
  {
    name: 'Chat Completions: a call of a tool is content',
    api: 'chat_completions',
    before: event({ choices: [{ delta: { role: 'assistant' } }] }),
    decides: event({ choices: [{ delta: { tool_calls: [{ function: { name: 'search' } }] } }] }),
    state: 'passes',
  },
  {
    name: 'Messages: overload after its start',
    api: 'messages',
    before:
      event({ type: 'message_start', message: { usage: { input_tokens: 7 } } }) + event({ type: 'ping' }),
    decides: event({ type: 'error', error: { type: 'overloaded_error' } }),
    state: 'failed',
  },
  {
    name: 'Messages: thinking is content',
    api: 'messages',
    before: event({ type: 'content_block_start', content_block: { type: 'thinking', thinking: '' } }),
    decides: event({ type: 'content_block_delta', delta: { type: 'thinking_delta', thinking: 'Hm' } }),
    state: 'passes',
  },
  {
    name: 'Responses: a failed response',
    api: 'responses',
    before: event({ type: 'response.created', response: { id: 'r', status: 'in_progress', error: null } }),
    decides: event({ type: 'error', code: 'server_is_overloaded' }),
    state: 'failed',
  },
  {
    name: 'Gemini: its first text',
    api: 'generate_content',
    before: ': comment\n\n',
    decides: event({ candidates: [{ content: { parts: [{ text: 'Hi' }] } }] }),
    state: 'passes',
  },
]

for (const { name, api, before, decides, state } of CASES) {
  test(`${name}, cut anywhere`, () => {
    const bytes = Buffer.from(before + decides)
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(bytes.length)), (cuts) => {
        const beginning = new StreamBeginning(wireApiNamed(api)!, 'sse', 65_536)
        const ends = [...cuts, bytes.length].sort((a, b) => a - b)
        let from = 0
        let last: StreamState = 'held'
        for (const end of ends) {
          last = beginning.write(bytes.subarray(from, end))
          // An event is complete with the line break that ends its data.
          if (end < bytes.length - 2) expect(last).toBe('held')
          from = end
        }
        expect(last).toBe(state)
      }),
    )
  })
}

test('usage that came before a failure is known', () => {
  const beginning = new StreamBeginning(wireApiNamed('messages')!, 'sse', 65_536)
  beginning.write(Buffer.from(CASES[2]!.before + CASES[2]!.decides))
  expect(beginning.reading.usage).toEqual({ input_tokens: 7 })
  expect(beginning.failure).toEqual({ type: 'error', error: { type: 'overloaded_error' } })
})

test('a stream that ends before its content has failed, unless it came to its own end', () => {
  const cut = new StreamBeginning(wireApiNamed('messages')!, 'sse', 65_536)
  cut.write(Buffer.from(event({ type: 'message_start', message: {} })))
  expect(cut.end()).toBe('failed')
  const empty = new StreamBeginning(wireApiNamed('messages')!, 'sse', 65_536)
  expect(empty.write(Buffer.from(event({ type: 'message_stop' })))).toBe('passes')
})

test('no more is held than may be', () => {
  const beginning = new StreamBeginning(wireApiNamed('chat_completions')!, 'sse', 100)
  expect(beginning.write(new Uint8Array(99).fill(32))).toBe('held')
  expect(beginning.write(new Uint8Array(1).fill(32))).toBe('passes')
})
