import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Subprocess } from 'bun'
import { processTree } from './measure.ts'

/** A program between client and upstream, started and reachable. */
export interface Peer {
  readonly name: string
  /** Base URL that takes `/v1/chat/completions` behind it. */
  readonly url: string
  /** Base URL that takes `/v1/messages` behind it. */
  readonly messagesUrl: string
  readonly headers: Readonly<Record<string, string>>
  /** All its processes. */
  pids(): number[]
  /** Waits until it has done what it does after a response. */
  settle(): Promise<void>
  /** Ends it and removes its files. */
  stop(): Promise<void>
}

/** The processor that everything under test runs on; load and upstream have the other one. */
const TEST_CPU = '0'
export const LOAD_CPU = '1'

/** Ports from here on are the bench's: two runs at once need different ones, and measure each other. */
const FIRST_PORT = Number(process.env['BENCH_FIRST_PORT'] ?? 9201)
export const UPSTREAM_PORT = FIRST_PORT
export const PORTS = {
  haproxy: FIRST_PORT + 1,
  gateway: FIRST_PORT + 2,
  nginx: FIRST_PORT + 3,
  portkey: FIRST_PORT + 4,
  secondGateway: FIRST_PORT + 5,
  go: FIRST_PORT + 6,
  collector: FIRST_PORT + 7,
  bun: FIRST_PORT + 8,
} as const

/** Nothing in between: the upstream itself, to subtract from what the peers take. */
export const DIRECT: Peer = {
  name: 'direct',
  url: `http://127.0.0.1:${UPSTREAM_PORT}`,
  messagesUrl: `http://127.0.0.1:${UPSTREAM_PORT}`,
  headers: {},
  pids: () => [],
  settle: async () => {},
  stop: async () => {},
}

/** Everything that a run writes; removed when it ends. */
export const RUN_FOLDER = join(tmpdir(), `ongoingai-bench-${process.pid}`)

/** Where peers keep their files during a run. */
export function workFolder(name: string): string {
  const folder = join(RUN_FOLDER, name)
  mkdirSync(folder, { recursive: true })
  return folder
}

/** HAProxy with one thread and kept connections. */
async function startHaproxy(): Promise<Peer> {
  const folder = workFolder('haproxy')
  writeFileSync(
    join(folder, 'haproxy.cfg'),
    `global
  maxconn 8192
  nbthread 1
defaults
  mode http
  option http-no-delay
  timeout connect 5s
  timeout client 600s
  timeout server 600s
frontend f
  bind 127.0.0.1:${PORTS.haproxy}
  default_backend b
backend b
  http-reuse always
  server s 127.0.0.1:${UPSTREAM_PORT}
`,
  )
  const child = spawn(['haproxy', '-db', '-f', join(folder, 'haproxy.cfg')], folder)
  await answering(`http://127.0.0.1:${PORTS.haproxy}/`)
  return peerOf('haproxy', `http://127.0.0.1:${PORTS.haproxy}`, {}, child, folder)
}

/** nginx with one worker, unbuffered. */
async function startNginx(): Promise<Peer> {
  const folder = workFolder('nginx')
  writeFileSync(
    join(folder, 'nginx.conf'),
    `worker_processes 1; daemon off; pid ${folder}/pid; error_log ${folder}/error.log;
events { worker_connections 16384; }
http { access_log off; client_body_temp_path ${folder}; proxy_temp_path ${folder}; fastcgi_temp_path ${folder}; uwsgi_temp_path ${folder}; scgi_temp_path ${folder};
 keepalive_requests 100000000; upstream u { server 127.0.0.1:${UPSTREAM_PORT}; keepalive 512; keepalive_requests 100000000; }
 server { listen 127.0.0.1:${PORTS.nginx} backlog=4096; location / { proxy_pass http://u; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; } } }
`,
  )
  const child = spawn(['nginx', '-c', join(folder, 'nginx.conf')], folder)
  await answering(`http://127.0.0.1:${PORTS.nginx}/`)
  return peerOf('nginx', `http://127.0.0.1:${PORTS.nginx}`, {}, child, folder)
}

/** Portkey's gateway from npm, on Node, without any tracing. */
async function startPortkey(): Promise<Peer> {
  const folder = workFolder('portkey')
  const child = spawn(['node', PORTKEY, `--port=${PORTS.portkey}`, '--headless'], folder)
  await answering(`http://127.0.0.1:${PORTS.portkey}/`)
  const headers = {
    'x-portkey-provider': 'openai',
    'x-portkey-custom-host': `http://127.0.0.1:${UPSTREAM_PORT}/v1`,
  }
  return peerOf('portkey', `http://127.0.0.1:${PORTS.portkey}`, headers, child, folder)
}

/** Go's `httputil.ReverseProxy` and nothing else, built for this run. */
async function startGo(): Promise<Peer> {
  const folder = workFolder('go')
  const executable = join(folder, 'reverse-proxy')
  const source = join(import.meta.dir, 'reverse-proxy.go')
  const built = Bun.spawnSync(['go', 'build', '-o', executable, source], { cwd: folder, stderr: 'inherit' })
  if (!built.success) throw new Error('go build failed')
  const child = spawn([executable, `127.0.0.1:${PORTS.go}`, DIRECT.url], folder)
  await answering(`http://127.0.0.1:${PORTS.go}/`)
  return peerOf('go', `http://127.0.0.1:${PORTS.go}`, {}, child, folder)
}

/** The least that a proxy on Bun can be: what its HTTP server and client take. */
async function startBun(): Promise<Peer> {
  const folder = workFolder('bun')
  const child = spawn(
    [process.execPath, join(import.meta.dir, 'bun-proxy.ts'), String(PORTS.bun), DIRECT.url],
    folder,
  )
  await answering(`http://127.0.0.1:${PORTS.bun}/`)
  return peerOf('bun', `http://127.0.0.1:${PORTS.bun}`, {}, child, folder)
}

const PORTKEY = join(import.meta.dir, '../node_modules/@portkey-ai/gateway/build/start-server.js')

/** The other programs, by name: how to start one, and what is missing when it cannot be. */
const OTHERS = {
  haproxy: { start: startHaproxy, missing: () => notOnPath('haproxy') },
  nginx: { start: startNginx, missing: () => notOnPath('nginx') },
  go: { start: startGo, missing: () => notOnPath('go') },
  bun: { start: startBun, missing: () => undefined },
  portkey: {
    start: startPortkey,
    missing: () => (existsSync(PORTKEY) ? notOnPath('node') : 'npm ci --prefix bench has not run'),
  },
} as const

/** A program that the gateway is measured beside. */
export type OtherName = keyof typeof OTHERS

function notOnPath(program: string): string | undefined {
  return Bun.which(program) ? undefined : `${program} is not on the path`
}

/** Starts one of the other programs. @returns undefined, with a line that says why, when it is not here */
export async function startOther(name: OtherName): Promise<Peer | undefined> {
  const missing = OTHERS[name].missing()
  if (missing === undefined) return OTHERS[name].start()
  console.log(`without ${name}: ${missing}`)
  return undefined
}

/** Starts those of the other programs that are here. */
export async function startOthers(names: readonly OtherName[]): Promise<Peer[]> {
  const peers: Peer[] = []
  for (const name of names) {
    const peer = await startOther(name)
    if (peer) peers.push(peer)
  }
  return peers
}

/** Starts a program on the processor of what is measured; its output goes to `out.log` and `err.log`. */
export function spawn(words: string[], folder: string): Subprocess {
  return Bun.spawn(['taskset', '-c', TEST_CPU, ...words], {
    cwd: folder,
    stdout: Bun.file(join(folder, 'out.log')),
    stderr: Bun.file(join(folder, 'err.log')),
  })
}

/** A peer of a program that was started. */
export function peerOf(
  name: string,
  url: string,
  headers: Record<string, string>,
  child: Subprocess,
  folder: string,
): Peer {
  return {
    name,
    url,
    messagesUrl: url,
    headers,
    pids: () => processTree(child.pid),
    settle: async () => {},
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

/** Lets this process run on the load's processor only, so that it takes nothing from what is measured. */
export function runOnLoadProcessor(): void {
  Bun.spawnSync(['taskset', '-a', '-c', '-p', LOAD_CPU, String(process.pid)])
}

/** Lets a peer's processes run on both processors, or only on the one that is theirs. */
export function useBothProcessors(peer: Peer, both: boolean): void {
  const list = both ? `${TEST_CPU},${LOAD_CPU}` : TEST_CPU
  for (const pid of peer.pids()) Bun.spawnSync(['taskset', '-a', '-c', '-p', list, String(pid)])
}
