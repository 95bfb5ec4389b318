import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { meter, type CpuUse } from './measure.ts'
import { LOAD_CPU, workFolder, type Peer } from './peers.ts'

/** What a run of wrk saw, and what the program under test used meanwhile. */
export interface Load {
  readonly requests: number
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly cpu: CpuUse
}

/** A small Chat Completions request, ASCII only. */
export const BODY =
  '{"model":"gpt-5.4-mini","messages":[{"role":"system","content":"You are a helpful assistant."},{"role":"user","content":"Say hello and tell me something that is long enough to be a realistic prompt for a small request."}],"temperature":0.2}'

/** Posts Chat Completions for some seconds; throws when anything but a 2xx comes back. */
export async function load(peer: Peer, connections: number, seconds: number): Promise<Load> {
  const script = join(workFolder('wrk'), `${peer.name}.lua`)
  const headers = {
    'Content-Type': 'application/json',
    Authorization: 'Bearer sk-bench-0123456789',
    ...peer.headers,
  }
  const lines = Object.entries(headers).map(([name, value]) => `wrk.headers["${name}"]="${value}"`)
  writeFileSync(
    script,
    `wrk.method="POST"
${lines.join('\n')}
wrk.body='${BODY}'
done = function(summary, latency)
  local errors = summary.errors.status + summary.errors.read + summary.errors.connect + summary.errors.timeout
  io.write(string.format("RESULT %d %d %f %f %d\\n", summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), errors))
end
`,
  )
  const used = meter(peer.pids())
  const url = `${peer.url}/v1/chat/completions`
  const words = [
    '-t1',
    `-c${connections}`,
    `-d${seconds}s`,
    '--timeout',
    '30s',
    '--latency',
    '-s',
    script,
    url,
  ]
  const wrk = Bun.spawn(['taskset', '-c', LOAD_CPU, 'wrk', ...words], { stdout: 'pipe', stderr: 'inherit' })
  const output = await new Response(wrk.stdout).text()
  // What the recorder does of it a little later is part of it.
  await peer.settle()
  const cpu = used()
  const found = /RESULT (\d+) (\d+) ([\d.]+) ([\d.]+) (\d+)/.exec(output)
  if (!found || found[5] !== '0') throw new Error(`${peer.name}: ${output}`)
  const [requests, micros, p50, p99] = found.slice(1).map(Number) as [number, number, number, number]
  return {
    requests,
    perSecond: (requests / micros) * 1e6,
    p50Ms: p50 / 1000,
    p99Ms: p99 / 1000,
    cpu,
  }
}
