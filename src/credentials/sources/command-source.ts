import { withTimeout } from '../../time/with-timeout.ts'
import type { SourceText } from './source-text.ts'

/** How long a command may run. */
const COMMAND_MS = 30_000

/** Most that a command may print. */
const MAX_BYTES = 65_536

/** How long the end of its output may take once it has ended. */
const PIPE_MS = 1000

/**
 * Runs a command that prints a credential. What it prints as errors may hold secrets, so it is not shown.
 *
 * @param command the program and its arguments, which no shell reads
 * @param signal ends it
 */
export async function runCredentialCommand(
  command: readonly string[],
  signal: AbortSignal,
): Promise<SourceText> {
  const [program = ''] = command
  const called = `the command ${program}`
  let child: Bun.Subprocess<'ignore', 'pipe', 'ignore'>
  try {
    child = Bun.spawn([...command], {
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'ignore',
      timeout: COMMAND_MS,
      killSignal: 'SIGKILL',
      maxBuffer: MAX_BYTES,
      signal,
    })
  } catch {
    return { kind: 'failed', problem: `${called} cannot be started; is it on the PATH of the gateway?` }
  }
  let text = ''
  const output = collect(child.stdout, (piece) => (text += piece))
  const code = await child.exited
  // A process that it left behind may hold the pipe open.
  await withTimeout(output, PIPE_MS).catch(() => undefined)
  if (code === 0) return { kind: 'text', text, source: `the output of ${called}` }
  if (child.signalCode !== null) {
    return {
      kind: 'failed',
      problem: `${called} was ended by ${child.signalCode}; it has ${COMMAND_MS / 1000} seconds`,
    }
  }
  return { kind: 'failed', problem: `${called} ended with code ${code}; run it by hand to see why` }
}

async function collect(stream: ReadableStream<Uint8Array>, take: (piece: string) => void): Promise<void> {
  const decoder = new TextDecoder()
  for await (const chunk of stream) take(decoder.decode(chunk, { stream: true }))
}
