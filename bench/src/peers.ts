import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Subprocess } from 'bun'
import { processTree } from './measure.ts'

/** A program between client and upstream, started and reachable. */
export interface Peer {
  readonly name: string
  /** Base URL that takes `/v1/chat/completions` behind it. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** All its processes. */
  pids(): number[]
  /** Ends it and removes its files. */
  stop(): Promise<void>
}

/** The processor that everything under test runs on; load and upstream have the other one. */
const TEST_CPU = '0'
export const LOAD_CPU = '1'

export const UPSTREAM_PORT = 9201

/** Nothing in between: the upstream itself, to subtract from what the peers take. */
export const DIRECT: Peer = {
  name: 'direct',
  url: `http://127.0.0.1:${UPSTREAM_PORT}`,
  headers: {},
  pids: () => [],
  stop: async () => {},
}
const GATEWAY_KEY = 'bench-gateway-key-0001'

/** Where peers keep their files during a run. */
export function workFolder(name: string): string {
  const folder = join(process.env['TMPDIR'] ?? '/tmp', `ongoingai-bench-${process.pid}`, name)
  mkdirSync(folder, { recursive: true })
  return folder
}

/** What of a gateway's settings a bench chooses. */
interface GatewaySettings {
  /** Whether gateway keys are needed. */
  readonly keys: boolean
  /** YAML that is added to the file. */
  readonly settings: string
}

export interface Gateway extends Peer {
  readonly folder: string
  /** Changes its settings while it runs. */
  configure(settings: GatewaySettings): Promise<void>
}

/** OngoingAI Gateway as built: metadata tracing, SQLite and, unless told otherwise, gateway keys on. */
export async function startGateway(
  settings = '',
  { name = 'ongoingai', port = 9203, keys = true } = {},
): Promise<Gateway> {
  const folder = workFolder(`gateway-${port}-${Date.now()}`)
  const file = join(folder, 'ongoingai.yaml')
  const write = (chosen: GatewaySettings): void =>
    writeFileSync(
      file,
      `server: {port: ${port}}\nstorage: {path: ${folder}/traces.db}\nproviders: {openai: {upstream: "http://127.0.0.1:${UPSTREAM_PORT}"}}\n` +
        `auth: {enabled: ${chosen.keys}, keys: [{id: bench, token: ${GATEWAY_KEY}, org_id: bench, workspace_id: bench}]}\n${chosen.settings}`,
    )
  write({ keys, settings })
  const executable = join(import.meta.dir, '../../dist/ongoingai')
  if (!existsSync(executable)) throw new Error(`${executable} is missing: npm run build`)
  const child = spawn([executable, 'serve', '--config', file], folder)
  const headers = { 'X-OngoingAI-Gateway-Key': GATEWAY_KEY }
  await answering(`http://127.0.0.1:${port}/api/live`)
  return {
    ...peerOf(name, `http://127.0.0.1:${port}/openai`, headers, child, folder),
    folder,
    configure: async (chosen) => {
      const log = join(folder, 'out.log')
      const size = statSync(log).size
      write(chosen)
      child.kill('SIGHUP')
      for (;;) {
        await Bun.sleep(5)
        const told = readFileSync(log).subarray(size).toString()
        if (told.includes('configuration reloaded')) return
        if (told.includes('configuration not reloaded') || child.exitCode !== null) throw new Error(told)
      }
    },
  }
}

/** Exchanges that the gateway has recorded, and whether any was dropped. */
export async function recorded(
  peer: Peer,
  patience = 100,
): Promise<{ stored: number; dropped: number; accepted: number }> {
  const base = peer.url.replace(/\/openai$/, '')
  for (let tries = 0; ; tries++) {
    const answer = await fetch(`${base}/api/diagnostics/trace-pipeline`, { headers: peer.headers })
    const { diagnostics } = (await answer.json()) as { diagnostics: Record<string, number> }
    const stored = diagnostics['stored_total'] ?? 0
    const accepted = diagnostics['enqueue_accepted_total'] ?? 0
    if (stored === accepted || tries > patience) {
      return { stored, accepted, dropped: diagnostics['total_dropped_total'] ?? 0 }
    }
    await Bun.sleep(100)
  }
}

/** HAProxy with one thread and kept connections. */
export async function startHaproxy(): Promise<Peer> {
  const folder = workFolder('haproxy')
  writeFileSync(
    join(folder, 'haproxy.cfg'),
    `global
  maxconn 8192
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client 600s
  timeout server 600s
frontend f
  bind 127.0.0.1:9202
  default_backend b
backend b
  http-reuse always
  server s 127.0.0.1:${UPSTREAM_PORT}
`,
  )
  const child = spawn(['haproxy', '-db', '-f', join(folder, 'haproxy.cfg')], folder)
  await answering('http://127.0.0.1:9202/')
  return peerOf('haproxy', 'http://127.0.0.1:9202', {}, child, folder)
}

/** nginx with one worker, unbuffered. */
export async function startNginx(): Promise<Peer> {
  const folder = workFolder('nginx')
  writeFileSync(
    join(folder, 'nginx.conf'),
    `worker_processes 1; daemon off; pid ${folder}/pid; error_log ${folder}/error.log;
events { worker_connections 16384; }
http { access_log off; client_body_temp_path ${folder}; proxy_temp_path ${folder}; fastcgi_temp_path ${folder}; uwsgi_temp_path ${folder}; scgi_temp_path ${folder};
 keepalive_requests 100000000; upstream u { server 127.0.0.1:${UPSTREAM_PORT}; keepalive 512; keepalive_requests 100000000; }
 server { listen 127.0.0.1:9204 backlog=4096; location / { proxy_pass http://u; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; } } }
`,
  )
  const child = spawn(['nginx', '-c', join(folder, 'nginx.conf')], folder)
  await answering('http://127.0.0.1:9204/')
  return peerOf('nginx', 'http://127.0.0.1:9204', {}, child, folder)
}

/** Portkey's gateway from npm, on Node, without any tracing. */
export async function startPortkey(): Promise<Peer> {
  const folder = workFolder('portkey')
  const script = join(import.meta.dir, '../node_modules/@portkey-ai/gateway/build/start-server.js')
  const child = spawn(['node', script, '--port=9205', '--headless'], folder)
  await answering('http://127.0.0.1:9205/')
  const headers = {
    'x-portkey-provider': 'openai',
    'x-portkey-custom-host': `http://127.0.0.1:${UPSTREAM_PORT}/v1`,
  }
  return peerOf('portkey', 'http://127.0.0.1:9205', headers, child, folder)
}

function spawn(words: string[], folder: string): Subprocess {
  return Bun.spawn(['taskset', '-c', TEST_CPU, ...words], {
    cwd: folder,
    stdout: Bun.file(join(folder, 'out.log')),
    stderr: Bun.file(join(folder, 'err.log')),
  })
}

function peerOf(
  name: string,
  url: string,
  headers: Record<string, string>,
  child: Subprocess,
  folder: string,
): Peer {
  return {
    name,
    url,
    headers,
    pids: () => processTree(child.pid),
    stop: async () => {
      child.kill('SIGTERM')
      await child.exited
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Waits until something answers at a URL. */
export async function answering(url: string): Promise<void> {
  for (let tries = 0; tries < 5000; tries++) {
    try {
      await fetch(url)
      return
    } catch {
      await Bun.sleep(2)
    }
  }
  throw new Error(`nothing answers at ${url}`)
}

/** Lets a peer's processes run on both processors, or only on the one that is theirs. */
export function useBothProcessors(peer: Peer, both: boolean): void {
  const list = both ? `${TEST_CPU},${LOAD_CPU}` : TEST_CPU
  for (const pid of peer.pids()) Bun.spawnSync(['taskset', '-a', '-c', '-p', list, String(pid)])
}
