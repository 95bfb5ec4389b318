import { DEFAULT_KEY_FIELD } from '../access/key-field.ts'
import type { ClientUrls } from '../config/client-urls.ts'
import type { Environment } from '../config/environment.ts'
import { ConfigError, readSettings } from '../config/load.ts'
import { visible } from '../presentation/visible.ts'
import { headersVariables } from '../providers/dialects/vendors.ts'
import { type CodexSettings, codexArguments } from './codex-arguments.ts'
import { readCodexLogin } from './codex-login.ts'
import type { Io } from './command.ts'
import type { Arguments } from './flags.ts'
import { gatewayUrls } from './gateway-urls.ts'
import { basename } from 'node:path'

/** The caller's gateway key, for tools that must send it. */
const GATEWAY_KEY = 'ONGOINGAI_GATEWAY_KEY'

/** Signals that are passed on to the command. */
const FORWARDED: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGINT', 'SIGQUIT']

/** Signals that a terminal sends to the command itself: passing them on would make them count twice. */
const FROM_TERMINAL: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT']

/** `ongoingai wrap -- <command>`: runs a tool with its SDKs pointed at the gateway. */
export async function wrap({ values, positional }: Arguments, io: Io): Promise<number> {
  const [command, ...rest] = positional[0] === '--' ? positional.slice(1) : positional
  if (command === undefined) {
    io.err('usage: ongoingai wrap [--config path/to/ongoingai.yaml] -- <command> [args...]\n')
    return 2
  }
  let settings: ReturnType<typeof readSettings>
  let urls: ClientUrls
  try {
    settings = readSettings(values.get('config'), io.environment)
    urls = gatewayUrls(values.get('config'), settings)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    io.err(`failed to load config: ${error.message}\n`)
    return 1
  }
  const { auth } = settings.document.values as { auth: { header: string } }
  const keyField = auth.header.trim() || DEFAULT_KEY_FIELD
  const environment = wrappedEnvironment(io.environment, urls, keyField)
  const words = toolArguments(
    command,
    rest,
    { urls, environment, keyField, keyVariable: GATEWAY_KEY },
    io.err,
  )
  if ('problem' in words) {
    io.err(`${words.problem}\n`)
    return 1
  }
  return run([command, ...words], environment, io.err)
}

/** The caller's environment with the base URLs set over it, and the gateway key where a tool takes it from there. */
function wrappedEnvironment(
  environment: Environment,
  urls: ClientUrls,
  keyField: string,
): Record<string, string> {
  const wrapped: Record<string, string> = {}
  for (const [name, value] of Object.entries(environment)) {
    if (name !== '' && value !== undefined) wrapped[name] = value
  }
  for (const [name, value] of urls.variables) wrapped[name] = value
  if (Object.keys(wrapped).some((name) => /^(?:https?|all)_proxy$/i.test(name))) {
    // The way out of this network does not lead to the gateway.
    const exempt = [wrapped['no_proxy'] || wrapped['NO_PROXY'], new URL(urls.base).hostname]
    wrapped['NO_PROXY'] = wrapped['no_proxy'] = exempt.filter(Boolean).join(',')
  }
  const key = wrapped[GATEWAY_KEY] ?? ''
  if (key === '') return wrapped
  const field = `${keyField}: ${key}`
  for (const name of headersVariables()) {
    // The fields that the caller has set itself are kept.
    wrapped[name] = joinLines(wrapped[name], field)
  }
  return wrapped
}

/** Arguments for tools that variables do not reach. */
function toolArguments(
  command: string,
  rest: readonly string[],
  settings: CodexSettings,
  err: (text: string) => void,
): ReturnType<typeof codexArguments> {
  if (basename(command).replace(/\.(exe|cmd|js)$/, '') !== 'codex') return rest
  const { login, problem } = readCodexLogin(settings.environment)
  if (problem !== undefined) err(`note: ${visible(problem)}, so Codex is taken for one that has an API key\n`)
  return codexArguments(rest, login, settings)
}

/** Runs the command on the caller's terminal, passes signals on, and returns its status or 128 + signal. */
async function run(
  words: string[],
  environment: Record<string, string>,
  err: (text: string) => void,
): Promise<number> {
  let child: Bun.Subprocess | undefined
  const pass = (signal: NodeJS.Signals): void => {
    if (!(process.stdin.isTTY && FROM_TERMINAL.includes(signal))) child?.kill(signal)
  }
  // Before the command starts: a signal that came in between would end this process and leave the command running.
  for (const signal of FORWARDED) process.on(signal, pass)
  try {
    child = Bun.spawn(words, { env: environment, stdin: 'inherit', stdout: 'inherit', stderr: 'inherit' })
    await child.exited
  } catch (error) {
    const missing = (error as { code?: string }).code === 'ENOENT'
    const reason = missing ? `exec: "${words[0]}": executable file not found in $PATH` : String(error)
    err(`failed to start command: ${reason}\n`)
    return 1
  } finally {
    for (const signal of FORWARDED) process.off(signal, pass)
  }
  if (child.signalCode !== null) return 128 + (SIGNAL_NUMBERS[child.signalCode] ?? 0)
  return child.exitCode ?? 1
}

const SIGNAL_NUMBERS: Readonly<Partial<Record<string, number>>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGILL: 4,
  SIGABRT: 6,
  SIGBUS: 7,
  SIGFPE: 8,
  SIGKILL: 9,
  SIGUSR1: 10,
  SIGSEGV: 11,
  SIGUSR2: 12,
  SIGPIPE: 13,
  SIGALRM: 14,
  SIGTERM: 15,
}

function joinLines(before: string | undefined, line: string): string {
  return before ? `${before}\n${line}` : line
}
