import { topLevelSpans, valueAt } from '../../src/wire/json/spans.ts'
import { median } from './measure.ts'

/** A turn of prose, and one of code with its quotes escaped. */
const TEXTS = {
  prose: 'The quick brown fox jumps over the lazy dog.\n',
  code: 'function add(a, b) {\n  return a + b // "sum"\n}\n',
}

/** What it takes to read a request's model out of its content, beside parsing all of it. */
export function requestFacts(): void {
  for (const [name, text] of Object.entries(TEXTS)) {
    for (const size of [300, 4096, 16_384, 65_536, 262_144]) {
      const content = text.repeat(Math.ceil(size / text.length / 4)).slice(0, size / 4)
      const messages = Array.from({ length: 4 }, () => ({ role: 'user', content }))
      const json = Buffer.from(JSON.stringify({ messages, stream: true, model: 'gpt-5.4-mini' }))
      const spans = microseconds(json.length, () =>
        valueAt(json, topLevelSpans(json, ['model']).get('model')),
      )
      const whole = microseconds(json.length, () => JSON.parse(json.toString('utf8')) as unknown)
      console.log(
        `${name.padEnd(6)} ${String(json.length).padStart(7)} bytes: ${spans.toFixed(1)} µs, parsing all ${whole.toFixed(1)} µs, ${(whole / spans).toFixed(1)} : 1`,
      )
    }
  }
}

function microseconds(bytes: number, work: () => unknown): number {
  const times = Math.max(50, Math.floor(2_000_000 / bytes))
  const rounds = Array.from({ length: 9 }, () => {
    const from = Bun.nanoseconds()
    for (let i = 0; i < times; i++) work()
    return (Bun.nanoseconds() - from) / times / 1000
  })
  return median(rounds)
}
