import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { answering, peerOf, PORTS, spawn, UPSTREAM_PORT, workFolder, type Peer } from './peers.ts'

/** Of the tenant that callers without a key are of, so that the counters are the same with keys and without. */
const GATEWAY_KEY = 'bench-gateway-key-0001'

/** The executable that `npm run build` makes. */
export const EXECUTABLE = join(import.meta.dir, '../../dist/ongoingai')

/** Limits of every kind, none of which is reached. */
export const LIMITS = `limits:
  per_key: {requests_per_minute: 900000000, max_tokens_per_day: 900000000000, max_cost_usd_per_day: 900000}
  policies:
    - {name: places, per: workspace, concurrent_requests: 100000}
    - {name: models, per: organization, split_by: model, budget: {cost_usd: 900000, period: month, time_zone: Europe/Berlin}}
`

/** What of a gateway's settings a bench chooses. */
export interface GatewaySettings {
  /** Whether gateway keys are needed. */
  readonly keys: boolean
  /** YAML that is added to the file. */
  readonly settings: string
}

/** A gateway that runs, with its store in a folder of its own. */
export interface Gateway extends Peer {
  readonly folder: string
  /** Changes its settings while it runs. */
  configure(settings: GatewaySettings): Promise<void>
}

const UPSTREAM = `{upstream: "http://127.0.0.1:${UPSTREAM_PORT}"}`
const PROVIDERS = `{openai: ${UPSTREAM}, anthropic: ${UPSTREAM}}`

/** OngoingAI Gateway as built: metadata tracing, SQLite and, unless the bench says otherwise, gateway keys on. */
export async function startGateway(
  settings = '',
  {
    name = 'ongoingai',
    port = PORTS.gateway,
    keys = true,
    executable = EXECUTABLE,
    providers = PROVIDERS,
  } = {},
): Promise<Gateway> {
  const folder = workFolder(`gateway-${port}-${Date.now()}`)
  const file = join(folder, 'ongoingai.yaml')
  const write = (chosen: GatewaySettings): void =>
    writeFileSync(
      file,
      `server: {port: ${port}}\nstorage: {path: ${folder}/traces.db}\nproviders: ${providers}\n` +
        `auth: {enabled: ${chosen.keys}, keys: [{id: bench, token: ${GATEWAY_KEY}, org_id: default, workspace_id: default}]}\n${chosen.settings}`,
    )
  write({ keys, settings })
  if (!existsSync(executable)) throw new Error(`${executable} is missing: npm run build`)
  const child = spawn([executable, 'serve', '--config', file], folder)
  const root = `http://127.0.0.1:${port}`
  await answering(`${root}/api/live`)
  const headers = { 'X-OngoingAI-Gateway-Key': GATEWAY_KEY }
  const peer = peerOf(name, `${root}/openai`, headers, child, folder)
  return {
    ...peer,
    messagesUrl: `${root}/anthropic`,
    folder,
    settle: async () => void (await recorded(peer)),
    configure: async (chosen) => {
      const log = join(folder, 'out.log')
      const size = statSync(log).size
      write(chosen)
      child.kill('SIGHUP')
      for (;;) {
        await Bun.sleep(5)
        const lines = readFileSync(log).subarray(size).toString()
        if (lines.includes('configuration reloaded')) return
        if (lines.includes('configuration not reloaded') || child.exitCode !== null) throw new Error(lines)
      }
    },
  }
}

/** What a gateway says of its recorder. */
interface Recorded {
  readonly accepted: number
  readonly stored: number
  readonly dropped: number
}

/** Exchanges that the gateway has recorded. @param patience tenths of a second to wait until all accepted ones are stored */
export async function recorded(gateway: Peer, patience = 100): Promise<Recorded> {
  for (let tries = 0; ; tries++) {
    const counts = await diagnostics(gateway)
    const stored = counts['stored_total'] ?? 0
    const accepted = counts['enqueue_accepted_total'] ?? 0
    if (stored === accepted || tries > patience) {
      return { stored, accepted, dropped: counts['total_dropped_total'] ?? 0 }
    }
    await Bun.sleep(100)
  }
}

/** The recorder's own counters, by name. */
export async function diagnostics(gateway: Peer): Promise<Record<string, number>> {
  const root = gateway.url.replace(/\/openai$/, '')
  const response = await fetch(`${root}/api/diagnostics/trace-pipeline`, { headers: gateway.headers })
  return ((await response.json()) as { diagnostics: Record<string, number> }).diagnostics
}

/**
 * Checks that the gateway has recorded every request, once.
 *
 * @param sent requests that have a response
 * @param cutOff how many more there may be: wrk ends with a request under way on each connection and does not count it
 * @throws when the trace count differs
 */
export async function account(gateway: Peer, sent: number, cutOff = 0, patience = 100): Promise<void> {
  const { accepted, stored, dropped } = await recorded(gateway, patience)
  const more = accepted - sent
  if (more < 0 || more > cutOff || stored !== accepted || dropped > 0) {
    throw new Error(
      `${gateway.name}: traces differ from requests: sent ${sent}, accepted ${accepted}, stored ${stored}, dropped ${dropped}`,
    )
  }
  console.log(
    `${gateway.name}: traces ${stored} = requests ${sent}${cutOff > 0 ? ` + ${more} that wrk cut off` : ''}`,
  )
}
