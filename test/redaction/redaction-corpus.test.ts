import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { objectOf, parseObject, type JsonObject } from '../../src/wire/json/values.ts'
import { textOfPiece } from '../../src/redaction/event-texts.ts'
import { EventFraming } from '../../src/wire/framing/event-framing.ts'
import type { Framing } from '../../src/wire/framing/event-pieces.ts'
import { unescaped } from '../../src/wire/json/strings.ts'
import { walkJson } from '../../src/wire/json/walk.ts'
import { Redaction } from '../../src/redaction/redaction.ts'
import { contentOf, recordedExchanges } from '../support/recorded.ts'
import { through } from '../support/redacted-stream.ts'
import { SETTINGS } from '../support/redaction-settings.ts'

// Streams of real providers: a value that is put into their texts does not come out, cut wherever.

setDefaultTimeout(60_000)

const RULES = new Redaction(SETTINGS).rulesOf({ organizationId: 'o', workspaceId: 'w' })
const PLANTED = ['alice@exam', 'ple.com ']

/** It quotes documentation that glues decorators to words (`via@agent.tool`), which reads like an address. */
const DECORATORS = 'anthropic-messages-web-fetch-tool-stream'

interface Stream {
  readonly name: string
  readonly framing: Framing
  readonly text: string
}

const streams: Stream[] = recordedExchanges().flatMap((exchange) => {
  const { name, response } = exchange
  const type =
    Object.entries(response.headers).find(([field]) => field.toLowerCase() === 'content-type')?.[1] ?? ''
  const framing = type.startsWith('text/event-stream')
    ? 'sse'
    : type.startsWith('application/x-ndjson')
      ? 'lines'
      : undefined
  const text = contentOf(exchange).toString('utf8')
  return framing ? [{ name, framing, text }] : []
})

/** The stream with the two halves of a value in two pieces of one text that follow each other; `undefined` without such. */
function withValue({ framing, text }: Stream): string | undefined {
  const events = new EventFraming(framing)
  const last = new Map<string, { event: number; end: number }>()
  const all = [...events.write(Buffer.from(text)), ...events.end()].map(({ raw, data }) => ({ raw, data }))
  for (const [i, { data }] of all.entries()) {
    const object = parseObject(data)
    if (!object) continue
    let spot: { before: { event: number; end: number }; start: number } | undefined
    walkJson(data, {
      string({ start, end }, place) {
        const name = textOfPiece(object, place)
        if (name === undefined || spot) return
        const before = last.get(name)
        // A value stands by itself: the text before it does not run into it.
        if (before && before.event < i) spot = { before, start }
        const said = unescaped(data.slice(start, end))
        if (/\s$/.test(said)) last.set(name, { event: i, end })
      },
    })
    if (!spot) continue
    const { before, start } = spot
    const put = (event: number, at: number, value: string): string => {
      const { raw, data: whole } = all[event]!
      return raw.replace(whole, () => whole.slice(0, at) + value + whole.slice(at))
    }
    const changed = all.map(({ raw }) => raw)
    changed[before.event] = put(before.event, before.end, PLANTED[0]!)
    changed[i] = put(i, start, PLANTED[1]!)
    // What stands between the two must not be a piece of the same text.
    return before.event === i - 1 || onlyOthers(all.slice(before.event + 1, i)) ? changed.join('') : undefined
  }
  return undefined
}

function onlyOthers(events: readonly { readonly data: string }[]): boolean {
  return events.every(({ data }) => {
    const object: JsonObject | undefined = parseObject(data)
    return !object || objectOf(object['delta']) === undefined
  })
}

describe('recorded streams', () => {
  const some = streams.map((one) => ({ ...one, planted: withValue(one) }))

  test('are many, and most have texts to plant a value in', () => {
    expect(streams.length).toBeGreaterThan(20)
    expect(some.filter((one) => one.planted !== undefined).length).toBeGreaterThan(10)
  })

  test.each(some)('$name', ({ name, framing, text, planted: with_ }) => {
    const bytes = Buffer.from(text)
    const plain = through([bytes], RULES, framing)
    // Nothing personal was recorded.
    if (name !== DECORATORS) expect(plain.equals(bytes)).toBe(true)
    if (with_ === undefined) return
    const planted = Buffer.from(with_)
    const whole = through([planted], RULES, framing)
    expect(whole.toString()).not.toContain(PLANTED[0]!)
    expect(whole.toString()).toContain('[EMAIL_REDACTED:')
    expect(
      through(
        [...planted].map((byte) => Uint8Array.of(byte)),
        RULES,
        framing,
      ).equals(whole),
    ).toBe(true)
    const step = Math.max(1, Math.floor(planted.length / 60))
    for (let cut = 1; cut < planted.length; cut += step) {
      const cutOut = through([planted.subarray(0, cut), planted.subarray(cut)], RULES, framing)
      expect([cut, cutOut.equals(whole)]).toEqual([cut, true])
    }
  })
})
