import { afterAll, beforeAll, describe, setSystemTime, test } from 'bun:test'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadConfig } from '../../src/config/load.ts'
import { eventually } from '../support/eventually.ts'
import { openGateway, type TestGateway } from '../support/gateway.ts'
import { respond, Upstream } from '../support/upstream.ts'

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
  /** Further settings of the provider. */
  readonly provider_settings?: object
  /** Further settings of `pricing`. */
  readonly pricing?: object
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
let gateway: TestGateway
beforeAll(async () => {
  upstream = await Upstream.start(() => {})
  gateway = await openGateway('')
})
afterAll(async () => {
  setSystemTime()
  await gateway.stop()
  await upstream.stop()
})

for (const file of readdirSync(FOLDER).filter((name) => name.endsWith('.json'))) {
  const { cases } = JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as { cases: MoneyCase[] }
  describe(file, () => {
    for (const money of cases) {
      test(money.id, async () => {
        await takeSettings(money)
        const receipt = await play(money)
        const nano = receipt.total_usd === null ? null : Math.round(receipt.total_usd * 1e9)
        if (money.accept.some((outcome) => fits(outcome, receipt, nano))) return
        throw new Error(`came to ${JSON.stringify({ nano, ...receipt })}; right is: ${money.why}`)
      })
    }
  })
}

let settings = ''

/** The gateway takes over what a case says of providers and prices. Settings are YAML, and JSON is YAML. */
async function takeSettings({
  provider,
  provider_settings: own,
  overrides = [],
  pricing,
}: MoneyCase): Promise<void> {
  const providers = { [provider]: { upstream: upstream.url, prefix: `/${provider}`, ...own } }
  const storage = { path: join(gateway.folder, 'data/traces.db') }
  const next = JSON.stringify({ storage, providers, pricing: { ...pricing, overrides } })
  if (next === settings) return
  settings = next
  const path = join(gateway.folder, 'case.yaml')
  writeFileSync(path, next)
  const { config } = loadConfig(path, {})
  await gateway.gateway.reload({ ...config, server: { ...config.server, port: gateway.port } })
}

/** Sends the request at its time. @returns the receipt of its trace */
async function play({ provider, at, request, response }: MoneyCase): Promise<Receipt> {
  upstream.play = respond(response.status, response.headers, response.body)
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
