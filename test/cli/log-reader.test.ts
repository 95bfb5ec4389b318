import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { PROGRAM } from '../support/program.ts'
import { stream, Upstream } from '../support/upstream.ts'

setDefaultTimeout(60_000)

const folder = mkdtempSync(join(tmpdir(), 'ongoingai-log-reader-'))
let upstream: Upstream
let goOn: () => void = () => undefined
beforeAll(async () => {
  // One event, then another when the test says so.
  upstream = await Upstream.start(
    stream(['data: 1\n\n', 'data: 2\n\n'], {
      between: (index) => (index > 0 ? Promise.resolve() : new Promise((resolve) => (goOn = resolve))),
    }),
  )
})
afterAll(async () => {
  await upstream.stop()
  rmSync(folder, { recursive: true, force: true })
})

type Output = 'pipe' | 'ignore' | ReturnType<typeof Bun.file>

interface Served {
  readonly url: string
  readonly child: Bun.Subprocess<'ignore', Output, Output>
}

async function serve(
  name: string,
  { stdout, stderr }: { stdout: Output; stderr: Output },
  under: readonly string[] = [],
): Promise<Served> {
  const port = await freePort()
  const file = join(folder, `${name}.yaml`)
  writeFileSync(
    file,
    `server: {port: ${port}}
storage: {path: ./${name}.db}
providers: {openai: {upstream: "${upstream.url}"}}
observability: {otel: {enabled: true, traces_enabled: false, metrics_enabled: false, prometheus_enabled: true}}
`,
  )
  const child = Bun.spawn([...under, ...PROGRAM, 'serve', '--config', file], {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '' },
    stdin: 'ignore',
    stdout,
    stderr,
  })
  const url = `http://127.0.0.1:${port}`
  await eventually(() =>
    fetch(`${url}/api/live`).then(
      ({ ok }) => ok,
      () => false,
    ),
  )
  return { url, child }
}

/** Lines that could not be logged, as Prometheus is told. */
async function droppedLines(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  return Number(/^ongoingai_log_lines_dropped_total(?:\{\S*\})? (\d+)/m.exec(text)?.[1])
}

/** A live stream passes to its end while lines that cannot be logged are counted; then the gateway stops in order. */
async function servesOn({ url, child }: Served): Promise<void> {
  const answer = await fetch(`${url}/openai/v1/chat/completions`, { method: 'POST', body: '{}' })
  const reader = answer.body!.getReader()
  expect(Buffer.from((await reader.read()).value).toString()).toBe('data: 1\n\n')
  const before = await droppedLines(url)
  await eventually(async () => {
    await (await fetch(`${url}/api/health`)).text()
    return (await droppedLines(url)) > before
  })
  goOn()
  expect(Buffer.from((await reader.read()).value).toString()).toBe('data: 2\n\n')
  expect(await reader.read()).toMatchObject({ done: true })
  expect([child.exitCode, child.signalCode]).toEqual([null, null])
  child.kill('SIGTERM')
  expect(await child.exited).toBe(0)
}

test('a gateway whose log nobody reads any more serves on and counts what it could not log', async () => {
  const served = await serve('pipe', { stdout: 'pipe', stderr: 'pipe' })
  for (const output of [served.child.stdout, served.child.stderr])
    await (output as ReadableStream<Uint8Array>).cancel()
  await servesOn(served)
})

const FULL = '/dev/full'
test.skipIf(!existsSync(FULL))(
  `a gateway whose log goes to a disk that is full serves on (skipped without ${FULL})`,
  async () => {
    await servesOn(await serve('full', { stdout: Bun.file(FULL), stderr: Bun.file(FULL) }))
  },
)

test('when lines can be logged again, the log says how many are missing', async () => {
  const file = join(folder, 'limited.log')
  // No file may be larger than 4 MiB (POSIX counts in blocks of 512 bytes), and the log is nearly that until it is emptied.
  const limited = ['sh', '-c', `trap '' XFSZ; ulimit -f 8192; exec "$@" >> '${file}'`, 'sh']
  writeFileSync(file, '\n'.repeat(4 * 1024 * 1024 - 100))
  const { url, child } = await serve('limited', { stdout: 'ignore', stderr: 'ignore' }, limited)
  await eventually(async () => {
    await (await fetch(`${url}/api/health`)).text()
    return (await droppedLines(url)) > 0
  })
  writeFileSync(file, '')
  let told: { lines: number } | undefined
  await eventually(async () => {
    await (await fetch(`${url}/api/health`)).text()
    const line = readFileSync(file, 'utf8')
      .split('\n')
      .find((text) => text.includes('log lines were dropped'))
    if (line !== undefined) told = JSON.parse(line) as { lines: number }
    return told !== undefined
  })
  expect(told!.lines).toBeGreaterThan(0)
  child.kill('SIGTERM')
  expect(await child.exited).toBe(0)
})

test('a command whose reader leaves ends well; one whose output cannot be written says so and ends with 1', async () => {
  const words = [...PROGRAM, 'completion', 'bash']
  const env = { PATH: process.env['PATH'] ?? '' }
  const left = Bun.spawn(['sh', '-c', '"$@" | true', 'sh', ...words], { cwd: folder, env, stderr: 'pipe' })
  expect([await left.exited, await new Response(left.stderr).text()]).toEqual([0, ''])
  if (!existsSync(FULL)) return
  const full = Bun.spawn(words, { cwd: folder, env, stdout: Bun.file(FULL), stderr: 'pipe' })
  expect([await full.exited, await new Response(full.stderr).text()]).toEqual([
    1,
    expect.stringContaining('failed to write the output: ') as string,
  ])
  const deaf = Bun.spawn([...PROGRAM, 'nonsense'], { cwd: folder, env, stderr: Bun.file(FULL) })
  expect(await deaf.exited).toBe(2)
})
