import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { runProgram } from '../support/process.ts'
import { PROGRAM } from '../support/program.ts'
import { stream, Upstream } from '../support/upstream.ts'

setDefaultTimeout(60_000)

const folder = mkdtempSync(join(tmpdir(), 'ongoingai-terminal-'))
let goOn: () => void = () => undefined
let upstream: Upstream
beforeAll(async () => {
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

interface OnTerminal {
  readonly url: string
  readonly child: Bun.Subprocess
  readonly shown: () => string
}

/** Starts a gateway on a terminal of its own. @param under words before the command */
async function serveOnTerminal(name: string, under: readonly string[] = []): Promise<OnTerminal> {
  const port = await freePort()
  const file = join(folder, `${name}.yaml`)
  writeFileSync(
    file,
    `server: {port: ${port}}
storage: {path: ./${name}.db}
providers: {openai: {upstream: "${upstream.url}"}}
`,
  )
  let text = ''
  const child = Bun.spawn([...under, ...PROGRAM, 'serve', '--config', file], {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '' },
    terminal: { data: (_, bytes) => void (text += Buffer.from(bytes).toString()) },
  })
  const url = `http://127.0.0.1:${port}`
  await eventually(() =>
    fetch(`${url}/api/ready`).then(
      ({ ok }) => ok,
      () => false,
    ),
  )
  await eventually(() => text.includes('Listening on'))
  return { url, child, shown: () => text }
}

// Windows has no SIGHUP.
const test_ = test.skipIf(process.platform === 'win32')

test_(
  'at SIGHUP a gateway whose terminal is there reloads; when the terminal closes, it stops as at SIGTERM',
  async () => {
    const { url, child, shown } = await serveOnTerminal('closes')
    child.kill('SIGHUP')
    await eventually(() => shown().includes('configuration reloaded'))
    const answer = await fetch(`${url}/openai/v1/chat/completions`, { method: 'POST', body: '{}' })
    const reader = answer.body!.getReader()
    await reader.read()
    child.terminal!.close()
    // It takes nothing more and lets the live stream finish.
    await eventually(() =>
      fetch(`${url}/api/live`).then(
        () => false,
        () => true,
      ),
    )
    expect(child.exitCode).toBeNull()
    goOn()
    expect(Buffer.from((await reader.read()).value).toString()).toBe('data: 2\n\n')
    expect(await child.exited).toBe(0)
    const report = await runProgram(['report', '--format', 'json', '--config', 'closes.yaml'], {
      cwd: folder,
    })
    expect((JSON.parse(report.out) as { recent_traces: unknown[] }).recent_traces).toMatchObject([
      { outcome: 'completed' },
    ])
  },
)

test_(
  'a gateway that was started with SIGHUP ignored, as `nohup` does, outlives its terminal and reloads at SIGHUP',
  async () => {
    const { url, child } = await serveOnTerminal('outlives', ['sh', '-c', `trap '' HUP; exec "$@"`, 'sh'])
    child.terminal!.close()
    const file = join(folder, 'outlives.yaml')
    const settings = readFileSync(file, 'utf8')
    writeFileSync(
      file,
      settings.replace('providers: {', `providers: {other: {upstream: "${upstream.url}", prefix: /other}, `),
    )
    child.kill('SIGHUP')
    await eventually(async () => {
      const answer = await fetch(`${url}/other/models`)
      await answer.body?.cancel()
      return answer.status === 200
    })
    child.kill('SIGTERM')
    expect(await child.exited).toBe(0)
  },
)
