import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from './eventually.ts'
import { freePort } from './free-port.ts'
import { PROGRAM } from './program.ts'

/** What a finished command said. */
export interface Finished {
  readonly status: number
  readonly out: string
  readonly err: string
}

/** Runs a command of the program to its end. */
export async function runProgram(
  words: readonly string[],
  {
    cwd,
    env = {},
    input = '',
  }: { cwd?: string; env?: Record<string, string>; input?: string | Uint8Array } = {},
): Promise<Finished> {
  const child = Bun.spawn([...PROGRAM, ...words], {
    cwd: cwd ?? tmpdir(),
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdin: Buffer.from(input as string),
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
  return { status: await child.exited, out, err }
}

/** A gateway in a process of its own. */
export interface GatewayProcess {
  readonly url: string
  readonly pid: number
  readonly folder: string
  readonly configPath: string
  output(): string
  kill(signal: NodeJS.Signals): void
  exited(): Promise<number>
  /** Resident memory; 0 where the system does not tell. */
  residentBytes(): number
  /** Starts it again in the same folder, as another version if need be. */
  restart(main?: string): Promise<GatewayProcess>
  remove(): void
}

/**
 * Starts `serve` as the README says, with a configuration file in a folder of its own.
 *
 * @param main sources to start instead of the program of this checkout; `under` are words before the command, such as a shell's that sets limits
 */
export async function serveProgram(
  settings: string,
  folder = mkdtempSync(join(tmpdir(), 'ongoingai-serve-')),
  {
    main,
    under = [],
    env = {},
  }: { main?: string; under?: readonly string[]; env?: Record<string, string> } = {},
): Promise<GatewayProcess> {
  const port = await freePort()
  const configPath = join(folder, 'ongoingai.yaml')
  writeFileSync(
    configPath,
    settings.startsWith('server: {')
      ? settings.replace('{', `{port: ${port}, `)
      : `server: {port: ${port}}\n${settings}`,
  )
  const program = main === undefined ? PROGRAM : [process.execPath, main]
  const child = Bun.spawn([...under, ...program, 'serve'], {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdout: 'pipe',
    stderr: 'pipe',
  })
  let text = ''
  const follow = async (stream: ReadableStream<Uint8Array>): Promise<void> => {
    for await (const bytes of stream as unknown as AsyncIterable<Uint8Array>)
      text += Buffer.from(bytes).toString('utf8')
  }
  void follow(child.stdout)
  void follow(child.stderr)
  const url = `http://127.0.0.1:${port}`
  await eventually(async () => {
    if (child.exitCode !== null) throw new Error(`serve ended: ${text}`)
    return fetch(`${url}/api/live`).then(
      (response) => response.ok,
      () => false,
    )
  })
  return {
    url,
    pid: child.pid,
    folder,
    configPath,
    output: () => text,
    kill: (signal) => child.kill(signal),
    exited: () => child.exited,
    residentBytes: () => residentBytes(child.pid),
    restart: (otherMain = main) =>
      serveProgram(settings, folder, { ...(otherMain === undefined ? {} : { main: otherMain }), env }),
    remove: () => {
      child.kill('SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function residentBytes(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024
  } catch {
    return 0
  }
}
