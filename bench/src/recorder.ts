import { Database } from 'bun:sqlite'
import { join } from 'node:path'
import { account, diagnostics, startGateway } from './gateway.ts'
import { load } from './load.ts'
import { micros, residentBytes } from './measure.ts'
import { HaproxyUnit } from './unit.ts'
import { startJsonUpstream } from './upstream.ts'

const SUSTAINED_SECONDS = Number(process.env['BENCH_SUSTAINED_SECONDS'] ?? 60)
const OUTAGE_SECONDS = Number(process.env['BENCH_OUTAGE_SECONDS'] ?? 30)

/** Tenths of a second to wait for what the store has to catch up with. */
const PATIENCE = 1200

/** The recorder at the highest load that the gateway takes, and over an outage of its store: traces lost, memory. */
export async function recorder(): Promise<void> {
  const upstream = await startJsonUpstream()
  const unit = await HaproxyUnit.start()
  const gateway = await startGateway()
  const pid = gateway.pids().at(-1)!
  try {
    console.log(`idle: ${(residentBytes(pid) / 1e6).toFixed(0)} MB resident`)
    const warm = await load(gateway, 64, 5)
    const before = residentBytes(pid)
    await unit.measure()
    const sustained = await load(gateway, 64, SUSTAINED_SECONDS)
    const after = residentBytes(pid)
    await unit.measure()
    await account(gateway, warm.requests + sustained.requests, 2 * 64, PATIENCE)
    const perRequest = micros(sustained.cpu) / sustained.requests
    console.log(
      `sustained ${SUSTAINED_SECONDS} s: ${sustained.perSecond.toFixed(0)} requests/s, ${perRequest.toFixed(1)} µs CPU a request${unit.times(perRequest)}; resident ${(before / 1e6).toFixed(0)} → ${(after / 1e6).toFixed(0)} MB`,
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
    await account(gateway, warm.requests + sustained.requests + outage.requests, 2 * 64 + 32, PATIENCE)
    console.log(`resident at the end: ${(residentBytes(pid) / 1e6).toFixed(0)} MB`)
  } finally {
    await gateway.stop()
    await unit.stop()
    await upstream.stop()
  }
}
