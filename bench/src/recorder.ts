import { Database } from 'bun:sqlite'
import { join } from 'node:path'
import { load } from './load.ts'
import { residentBytes } from './measure.ts'
import { recorded, startGateway, type Peer } from './peers.ts'
import { startJsonUpstream } from './upstream.ts'

const SUSTAINED_SECONDS = Number(process.env['BENCH_SUSTAINED_SECONDS'] ?? 60)
const OUTAGE_SECONDS = Number(process.env['BENCH_OUTAGE_SECONDS'] ?? 30)

/** The recorder at the highest load that the gateway takes, and over an outage of its store: traces lost, memory. */
export async function recorder(): Promise<void> {
  const upstream = await startJsonUpstream()
  const gateway = await startGateway()
  const pid = gateway.pids().at(-1)!
  try {
    console.log(`idle: ${(residentBytes(pid) / 1e6).toFixed(0)} MB resident`)
    const warm = await load(gateway, 64, 5)
    const before = residentBytes(pid)
    const sustained = await load(gateway, 64, SUSTAINED_SECONDS)
    const after = residentBytes(pid)
    await account(gateway, warm.requests + sustained.requests, 'sustained')
    console.log(
      `sustained ${SUSTAINED_SECONDS} s: ${sustained.perSecond.toFixed(0)} requests/s; resident ${(before / 1e6).toFixed(0)} → ${(after / 1e6).toFixed(0)} MB`,
    )

    const locker = new Database(join(gateway.folder, 'traces.db'))
    locker.run('PRAGMA busy_timeout = 5000')
    const running = load(gateway, 32, OUTAGE_SECONDS + 10)
    await Bun.sleep(3000)
    locker.run('BEGIN IMMEDIATE')
    await Bun.sleep(OUTAGE_SECONDS * 1000)
    const spilled = await diagnostics(gateway)
    locker.run('ROLLBACK')
    locker.close()
    const outage = await running
    console.log(
      `store unavailable for ${OUTAGE_SECONDS} s: ${outage.perSecond.toFixed(0)} requests/s served, ${spilled['journal_records']} traces in the journal (${(Number(spilled['journal_bytes']) / 1e6).toFixed(0)} MB) at its end`,
    )
    await account(gateway, warm.requests + sustained.requests + outage.requests, 'outage')
    console.log(`resident at the end: ${(residentBytes(pid) / 1e6).toFixed(0)} MB`)
  } finally {
    await gateway.stop()
    await upstream.stop()
  }
}

/** Everything accepted is stored; wrk leaves behind at most a request a connection that it no longer counts. */
async function account(gateway: Peer, sent: number, what: string): Promise<void> {
  const { accepted, stored, dropped } = await recorded(gateway, 1200)
  const uncounted = accepted - sent
  if (uncounted < 0 || uncounted > 200 || stored !== accepted || dropped > 0) {
    throw new Error(`${what}: sent ${sent}, accepted ${accepted}, stored ${stored}, dropped ${dropped}`)
  }
  console.log(`${what}: traces ${stored} = requests ${sent} + ${uncounted} that wrk cut off; lost 0`)
}

async function diagnostics(gateway: Peer): Promise<Record<string, number>> {
  const base = gateway.url.replace(/\/openai$/, '')
  const answer = await fetch(`${base}/api/diagnostics/trace-pipeline`, { headers: gateway.headers })
  return ((await answer.json()) as { diagnostics: Record<string, number> }).diagnostics
}
