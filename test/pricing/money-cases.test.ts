import { afterAll, beforeAll, describe, expect, setSystemTime, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { eventually } from '../support/eventually.ts'
import { openGateway, type TestGateway } from '../support/gateway.ts'
import { answer, Upstream } from '../support/upstream.ts'

// Answers in the shape that providers send, played through a gateway, with the cost that is right. Every file in `cases` is read.
const FOLDER = join(import.meta.dir, 'cases')

/** What a case may come to. What is not said does not matter. */
interface Outcome {
  readonly status: string
  readonly nano_usd?: number
  /** A part of the note of the cost. */
  readonly note?: string
  /** The named rules of the receipt's lines, in the order of the lines. */
  readonly rules?: readonly string[]
}

interface MoneyCase {
  readonly id: string
  /** Name of the provider in the settings; its prefix is that name. */
  readonly provider: string
  /** When the request arrives. */
  readonly at: string
  readonly request: {
    readonly method: string
    readonly path: string
    readonly headers?: Readonly<Record<string, string>>
    readonly body?: unknown
  }
  readonly response: {
    readonly status: number
    readonly headers: Readonly<Record<string, string>>
    readonly body: string
  }
  /** `pricing.overrides`. */
  readonly overrides?: readonly object[]
  /** Further settings, at the top of the file. */
  readonly settings?: Readonly<Record<string, unknown>>
  /** Any of these is right. */
  readonly accept: readonly Outcome[]
  readonly why: string
  readonly source: string
}

interface Receipt {
  readonly status: string
  readonly total_usd: number | null
  readonly note?: string
  readonly lines: readonly { readonly rule?: string }[]
}

let upstream: Upstream
beforeAll(async () => {
  upstream = await Upstream.start(() => {})
})
afterAll(() => upstream.stop())

for (const file of readdirSync(FOLDER).filter((name) => name.endsWith('.json'))) {
  const { cases } = JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as { cases: MoneyCase[] }
  // One gateway serves all cases with the same settings.
  const groups = Map.groupBy(cases, ({ overrides, settings }) => JSON.stringify({ overrides, settings }))
  for (const group of groups.values()) {
    describe(`${file}: ${group.map(({ id }) => id).join(', ')}`, () => {
      let gateway: TestGateway
      beforeAll(async () => {
        gateway = await openGateway(settingsOf(group))
      })
      afterAll(async () => {
        setSystemTime()
        await gateway.stop()
      })

      for (const money of group) {
        test(money.id, async () => {
          const receipt = await play(gateway, money)
          const nano = receipt.total_usd === null ? null : Math.round(receipt.total_usd * 1e9)
          const right = money.accept.some((outcome) => fits(outcome, receipt, nano))
          if (right) return undefined
          expect({ came: { nano, ...receipt }, why: money.why }).toEqual({
            came: money.accept,
            why: money.why,
          } as never)
        })
      }
    })
  }
}

/** Settings are YAML, and JSON is YAML. */
function settingsOf(group: readonly MoneyCase[]): string {
  const names = new Set(group.map(({ provider }) => provider))
  const providers = Object.fromEntries(
    [...names].map((name) => [name, { upstream: upstream.url, prefix: `/${name}` }]),
  )
  const { overrides = [], settings = {} } = group[0]!
  const all = { providers, pricing: { overrides }, ...settings }
  return Object.entries(all)
    .map(([name, value]) => `${name}: ${JSON.stringify(value)}\n`)
    .join('')
}

/** Sends the request at its time. @returns the receipt of its trace */
async function play(gateway: TestGateway, { provider, at, request, response }: MoneyCase): Promise<Receipt> {
  upstream.play = answer(response.status, response.headers, response.body)
  setSystemTime(new Date(at))
  const answered = await fetch(`${gateway.url}/${provider}${request.path}`, {
    method: request.method,
    headers: {
      ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...request.headers,
    },
    ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
  })
  await answered.arrayBuffer()
  setSystemTime()
  const id = answered.headers.get('x-ongoingai-trace-id')
  let receipt: Receipt | undefined
  await eventually(async () => {
    receipt = (await gateway.detail(id))['cost'] as Receipt | undefined
    return receipt !== undefined
  })
  return receipt!
}

function fits(
  { status, nano_usd: nanoUsd, note, rules }: Outcome,
  receipt: Receipt,
  nano: number | null,
): boolean {
  return (
    status === receipt.status &&
    (nanoUsd === undefined || nanoUsd === nano) &&
    (note === undefined || (receipt.note ?? '').includes(note)) &&
    (rules === undefined ||
      JSON.stringify(rules) === JSON.stringify(receipt.lines.flatMap(({ rule }) => rule ?? [])))
  )
}
