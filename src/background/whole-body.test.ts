import { expect, test } from 'bun:test'
import { wireApiNamed } from '../providers/registry.ts'
import { SideObservation } from './side-observation.ts'
import { readWholeRequest, readWholeResponse } from './whole-body.ts'

const api = wireApiNamed('chat_completions')
const JSON_FACTS = { mediaType: 'application/json', codings: '' }
const usage = '"usage":{"prompt_tokens":21,"completion_tokens":30,"total_tokens":51}'

/** The same content, as it is read when it comes in pieces. */
function inPieces(side: 'request' | 'response', content: string, capture: number): SideObservation {
  const read = new SideObservation(side, api, JSON_FACTS, capture)
  for (const byte of Buffer.from(content)) void read.piece(Uint8Array.of(byte), [0, 1])
  read.finish()
  return read
}

test('a response that comes whole is read as one that comes in pieces', () => {
  for (const content of [
    `{"id":"1","model":"gpt-5","choices":[{"message":{"content":"grüß dich"},"finish_reason":"stop"}],${usage}}`,
    '{"error":{"message":"no","type":"server_error","code":"overloaded"}}',
    '{"choices":"none","usage":null}',
    '{}',
  ]) {
    for (const capture of [0, 10, 1000]) {
      const whole = readWholeResponse(api, JSON_FACTS, Buffer.from(content), capture)!
      const pieces = inPieces('response', content, capture)
      expect(whole.reading).toEqual({ ...pieces.reading, output: whole.reading.output })
      expect(whole.reading.output.text).toBe(pieces.reading.output.text)
      expect(whole.seenBytes).toBe(pieces.seenBytes)
      expect(whole.understood).toBe(pieces.understood)
      expect(whole.opaque).toBe(pieces.opaque)
      expect(whole.body?.bytes()).toEqual(pieces.body?.bytes())
      expect(whole.body?.truncated).toBe(pieces.body?.truncated)
    }
  }
})

test('so is a request; one that names two models names none', () => {
  for (const [content, model] of [
    ['{"model":"gpt-5","stream":true}', 'gpt-5'],
    ['{"model":"gpt-5","messages":[{"content":"\\"model\\":"}]}', 'gpt-5'],
    ['{"model":"gpt-5","x":{"model":"other"}}', 'gpt-5'],
    ['{"model":"gpt-5","model":"gpt-5-mini"}', undefined],
    ['{"message":{"model":"claude-sonnet-5"}}', 'claude-sonnet-5'],
  ] as const) {
    const whole = readWholeRequest(api, JSON_FACTS, Buffer.from(content), 0)!
    expect(whole.request).toEqual(inPieces('request', content, 0).request)
    expect(whole.request.model).toBe(model)
  }
})

test('what is not one JSON object, or is coded, is left to the other way', () => {
  const bytes = (content: string): Uint8Array => Buffer.from(content)
  for (const content of ['', ' {}', '\uFEFF{}', '[]', '{"a":1}{"b":2}', '{"a":', 'data: {}\n\n']) {
    expect(readWholeRequest(api, JSON_FACTS, bytes(content), 0)).toBeUndefined()
    expect(readWholeResponse(api, JSON_FACTS, bytes(content), 0)).toBeUndefined()
  }
  const gzip = { ...JSON_FACTS, codings: 'gzip' }
  expect(readWholeRequest(api, gzip, bytes('{}'), 0)).toBeUndefined()
  expect(readWholeResponse(api, gzip, bytes('{}'), 0)).toBeUndefined()
  for (const mediaType of ['', 'audio/mpeg', 'text/plain', 'application/x-ndjson'])
    expect(readWholeResponse(api, { mediaType, codings: '' }, bytes('{}'), 0)).toBeUndefined()
  expect(readWholeResponse(undefined, JSON_FACTS, bytes('{}'), 0)).toBeUndefined()
  expect(readWholeResponse(wireApiNamed('batch_results'), JSON_FACTS, bytes('{}'), 0)).toBeUndefined()
})
