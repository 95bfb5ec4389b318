import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { startGateway } from './gateway.ts'
import { median, residentBytes } from './measure.ts'
import { startOther, UPSTREAM_PORT, type Peer } from './peers.ts'

const ROUNDS = 9
const DIST = join(import.meta.dir, '../../dist')

/** What is downloaded, and how long it takes from the command to the first response, beside HAProxy and Portkey's gateway. */
export async function startup(): Promise<void> {
  const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`
  const executables = [
    join(DIST, 'ongoingai'),
    // Of every platform, when `npm run release` made them.
    ...(existsSync(join(DIST, 'release'))
      ? readdirSync(join(DIST, 'release')).flatMap((name) =>
          name.startsWith('ongoingai_') ? [join(DIST, 'release', name)] : [],
        )
      : []),
  ]
  for (const path of executables) {
    const packed = Bun.gzipSync(await Bun.file(path).bytes(), { level: 9 }).length
    console.log(
      `${path.slice(DIST.length + 1).padEnd(42)} ${megabytes(statSync(path).size)}, packed ${megabytes(packed)}`,
    )
  }
  const peers: Record<string, { start: () => Promise<Peer | undefined>; ms: number[]; memory: number[] }> = {
    ongoingai: { start: () => startGateway(), ms: [], memory: [] },
    haproxy: { start: () => startOther('haproxy'), ms: [], memory: [] },
    portkey: { start: () => startOther('portkey'), ms: [], memory: [] },
  }
  const version: number[] = []
  const upstream = Bun.serve({ hostname: '127.0.0.1', port: UPSTREAM_PORT, fetch: () => new Response() })
  for (let round = 0; round < ROUNDS; round++) {
    for (const { start, ms, memory } of Object.values(peers)) {
      const from = performance.now()
      const peer = await start()
      if (!peer) continue
      ms.push(performance.now() - from)
      memory.push(peer.pids().reduce((sum, pid) => sum + residentBytes(pid), 0))
      await peer.stop()
    }
    const from = performance.now()
    Bun.spawnSync(['taskset', '-c', '0', join(DIST, 'ongoingai'), 'version'])
    version.push(performance.now() - from)
  }
  await upstream.stop(true)
  const all = (values: readonly number[]): string => `[${values.map((value) => value.toFixed(0)).join(' ')}]`
  const haproxy = median(peers['haproxy']!.ms)
  for (const [name, { ms, memory }] of Object.entries(peers)) {
    if (ms.length === 0) continue
    const times = Number.isNaN(haproxy) ? '' : ` = ${(median(ms) / haproxy).toFixed(2)} × HAProxy`
    console.log(
      `${name.padEnd(10)} first response after ${median(ms).toFixed(0)} ms${times} ${all(ms)}, ${megabytes(median(memory))} resident`,
    )
  }
  console.log(`ongoingai version: ${median(version).toFixed(0)} ms ${all(version)}`)
}
