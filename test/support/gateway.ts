import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Environment } from '../../src/config/environment.ts'
import { loadConfig } from '../../src/config/load.ts'
import { startGateway, type Gateway } from '../../src/gateway/gateway.ts'
import { eventually } from './eventually.ts'

/** A line of the gateway's log. */
export interface Line {
  readonly level: string
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

/** A gateway of this process on a port of its own, with a store of its own. */
export interface TestGateway {
  readonly gateway: Gateway
  readonly url: string
  readonly port: number
  readonly folder: string
  readonly lines: Line[]
  /** Traces as the API lists them, newest first, once there are as many as expected. */
  traces(count: number, query?: string): Promise<Record<string, unknown>[]>
  /** One trace as the API shows it. */
  detail(id: unknown): Promise<Record<string, unknown>>
  stop(): Promise<void>
}

/** @param settings YAML besides the listener, and besides the store unless it names one; `fields` go with every question to the API; `environment` is what the settings are read in */
export async function openGateway(
  settings: string,
  fields: Readonly<Record<string, string>> = {},
  environment: Environment = {},
): Promise<TestGateway> {
  const folder = mkdtempSync(join(tmpdir(), 'ongoingai-gateway-'))
  const file = join(folder, 'ongoingai.yaml')
  const store = /^storage:/m.test(settings)
    ? /^tracing:/m.test(settings)
      ? ''
      : `tracing: {journal: {path: ${folder}/journal}}\n`
    : `storage: {path: ${folder}/data/traces.db}\n`
  writeFileSync(file, `${store}${settings}`)
  const { config } = loadConfig(file, environment)
  const lines: Line[] = []
  const gateway = await startGateway(
    { ...config, server: { ...config.server, port: 0 } },
    (level, message, more) =>
      lines.push({
        level,
        message,
        fields: typeof more === 'string' ? (JSON.parse(more) as Record<string, unknown>) : (more ?? {}),
      }),
  )
  const ask = async (path: string): Promise<Record<string, unknown>> => {
    const response = await fetch(`${gateway.url}${path}`, { headers: fields })
    return (await response.json()) as Record<string, unknown>
  }
  return {
    gateway,
    url: gateway.url,
    port: Number(new URL(gateway.url).port),
    folder,
    lines,
    async traces(count, query = '') {
      let items: Record<string, unknown>[] = []
      await eventually(async () => {
        items = (await ask(`/api/traces?limit=200${query}`))['items'] as Record<string, unknown>[]
        return items.length >= count
      })
      return items
    },
    detail: (id) => ask(`/api/traces/${String(id)}`),
    async stop() {
      await gateway.stop(0)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Settings that point both dialects at one upstream. */
export function providersAt(url: string): string {
  return `providers: {openai: {upstream: "${url}"}, anthropic: {upstream: "${url}"}}\n`
}
