import { expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  closePayload,
  encodeClientFrame,
  WebSocketDecoder,
  WebSocketProtocolError,
} from './websocket-frames.ts'

/** A frame as a server sends it: unmasked. */
function serverFrame(opcode: number, payload: Uint8Array, final = true): Uint8Array {
  const extra =
    payload.length < 126 ? [] : payload.length < 65_536 ? [payload.length >> 8, payload.length & 255] : []
  const long = new Uint8Array(8)
  new DataView(long.buffer).setBigUint64(0, BigInt(payload.length))
  const length =
    payload.length < 126 ? [payload.length] : payload.length < 65_536 ? [126, ...extra] : [127, ...long]
  return Buffer.concat([Uint8Array.from([(final ? 0x80 : 0) | opcode, ...length]), payload])
}

const WIRE = Buffer.concat([
  serverFrame(1, Buffer.from('Hel'), false),
  serverFrame(9, Buffer.from('ping')),
  serverFrame(0, Buffer.from('lo é'), true),
  serverFrame(2, new Uint8Array(300).fill(7)),
  serverFrame(10, new Uint8Array()),
  serverFrame(8, closePayload(4001, 'bye')),
])

const INPUTS = [
  ['ping', 'ping'],
  ['text', 'Hello é'],
  ['binary', '\u0007'.repeat(300)],
  ['pong', ''],
  ['close', 4001, 'bye'],
]

function decode(cuts: readonly number[]): unknown[] {
  const decoder = new WebSocketDecoder(1_000_000)
  const inputs: unknown[] = []
  let from = 0
  for (const cut of [...cuts, WIRE.length]) {
    for (const input of decoder.write(WIRE.subarray(from, cut))) {
      inputs.push(
        input.kind === 'close'
          ? [input.kind, input.code, input.reason]
          : [input.kind, Buffer.from(input.data).toString('utf8')],
      )
    }
    from = cut
  }
  return inputs
}

test('fragments join, control frames may come between them', () => {
  expect(decode([])).toEqual(INPUTS)
})

test('frames cut at any byte decode the same', () => {
  for (let cut = 0; cut <= WIRE.length; cut++) expect(decode([cut])).toEqual(INPUTS)
  expect(decode(Array.from({ length: WIRE.length }, (_, i) => i))).toEqual(INPUTS)
})

test('what a decoder keeps is bounded by the message, not by the number of its fragments or reads', () => {
  const decoder = new WebSocketDecoder(100_000)
  for (let i = 0; i < 50_000; i++) decoder.write(serverFrame(i === 0 ? 1 : 0, Buffer.from('a'), false))
  for (let i = 0; i < 50_000; i++) decoder.write(serverFrame(0, new Uint8Array(), false))
  const last = serverFrame(0, new Uint8Array(40_000).fill(98), true)
  for (const byte of last.subarray(0, -1)) decoder.write(Uint8Array.of(byte))
  expect(decoder.heldBytes).toBeLessThanOrEqual(2 * 100_000)
  const [message] = decoder.write(last.subarray(-1))
  expect(message).toMatchObject({ kind: 'text' })
  expect(message?.kind === 'text' && Buffer.from(message.data).toString()).toBe(
    `${'a'.repeat(50_000)}${'b'.repeat(40_000)}`,
  )
  expect(decoder.heldBytes).toBe(0)
})

test('a client frame of any length can be unmasked to what went in', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(0, 1, 125, 126, 127, 65_535, 65_536),
      fc.uint8Array({ minLength: 4, maxLength: 4 }),
      (length, mask) => {
        const payload = new Uint8Array(length).map((_, i) => i % 251)
        const frame = encodeClientFrame('binary', payload, mask)
        const start = frame.length - length
        expect(frame[1]! & 0x80).toBe(0x80)
        expect(frame.subarray(start - 4, start)).toEqual(mask)
        expect(new Uint8Array(frame.subarray(start)).map((byte, i) => byte ^ mask[i & 3]!)).toEqual(payload)
        const text = 'é'.repeat(length)
        const said = encodeClientFrame('text', text, mask).subarray(-2 * length || Infinity)
        expect(Buffer.from(said.map((byte, i) => byte ^ mask[i & 3]!)).toString()).toBe(text)
      },
    ),
  )
})

test('what breaks the protocol is refused with the close code of its kind', () => {
  const broken: [Uint8Array, number][] = [
    [Uint8Array.from([0xc1, 0]), 1002],
    [Uint8Array.from([0x81, 0x80, 0, 0, 0, 0]), 1002],
    [serverFrame(0, new Uint8Array()), 1002],
    [Uint8Array.from([0x83, 0]), 1002],
    [Uint8Array.from([0x09, 0]), 1002],
    [Uint8Array.from([0x88, 1, 3]), 1002],
    [Uint8Array.from([0x82, 127, 0, 0, 1, 0, 0, 0, 0, 0]), 1009],
  ]
  for (const [bytes, code] of broken) {
    try {
      new WebSocketDecoder(1000).write(bytes)
      throw new Error(`accepted ${Buffer.from(bytes).toString('hex')}`)
    } catch (error) {
      expect(error).toBeInstanceOf(WebSocketProtocolError)
      expect((error as WebSocketProtocolError).closeCode).toBe(code)
    }
  }
})
