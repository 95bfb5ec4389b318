import { clientUrls } from '../config/client-urls.ts'
import { ConfigError, type LoadedConfig, loadConfig } from '../config/load.ts'
import { type Gateway, startGateway } from '../gateway/gateway.ts'
import { openWarnings, refusedOpen } from '../gateway/open-start.ts'
import { StartError } from '../gateway/start-error.ts'
import { ListenError } from '../http/listen-error.ts'
import { type Log, type LogOutput, type Logger, openLog, standardOutput } from '../log.ts'
import { costText, tokensMark } from '../presentation/estimate-marks.ts'
import { visible } from '../presentation/visible.ts'
import { shownValue } from '../redaction/shown-value.ts'
import { placeOf } from '../storage/storage-place.ts'
import type { UsageSource } from '../traces/trace.ts'
import type { CostStatus } from '../usage/cost.ts'
import { usdText } from '../usage/money.ts'
import { VERSION } from '../version.ts'
import type { Io } from './command.ts'
import type { Arguments } from './flags.ts'
import { lostTerminal } from './lost-terminal.ts'
import { notListening } from './not-listening.ts'
import { switchedOff } from './switched-off.ts'

/** `ongoingai serve`, also the default without a command. */
export async function serve({ values, positional }: Arguments, io: Io): Promise<number> {
  if (positional.length > 0) {
    io.err(`serve does not accept positional arguments (got "${positional[0]}")\n`)
    return 2
  }
  io.outliveReader()
  const terminalLost = lostTerminal()
  let loaded: LoadedConfig
  try {
    loaded = loadConfig(values.get('config'), io.environment)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    io.err(`${error.stage === 'load' ? 'failed to load config' : 'config is invalid'}: ${error.message}\n`)
    return 1
  }
  const refused = refusedOpen(loaded.config, io.environment)
  if (refused !== undefined) {
    io.err(`${refused}\n`)
    return 1
  }
  const { log: style } = loaded.config
  const logger = io.terminal
    ? openLog(terminalOutput(io), { ...style, format: 'json' })
    : openLog(standardOutput, style)
  return serveUntilStopped(loaded, values.get('config'), logger, terminalLost, io)
}

async function serveUntilStopped(
  loaded: LoadedConfig,
  path: string | undefined,
  logger: Logger,
  terminalLost: () => boolean,
  io: Io,
): Promise<number> {
  const { config, warnings } = loaded
  const { log } = logger
  for (const warning of warnings) log('WARN', warning)
  // Set before the first request, so that a signal never cuts one off.
  const reloadInTurn = inTurn(async () => {
    if (gateway) await reload(path, gateway, log, io)
  })
  const stop = stopSignals(terminalLost, reloadInTurn)
  let gateway: Gateway | undefined
  try {
    const starting = startGateway(config, log, logger.dropped)
    gateway = await Promise.race([starting, stop.first.then(() => undefined)])
  } catch (error) {
    if (error instanceof ListenError) log('ERROR', 'gateway failed', await notListening(error))
    logger.close()
    if (error instanceof StartError) io.err(`failed to initialize ${error.part}: ${error.message}\n`)
    else if (!(error instanceof ListenError)) throw error
    return 1
  }
  if (!gateway) {
    log('INFO', 'gateway stopped before it had started')
    logger.close()
    return 0
  }
  if (io.terminal) greet(loaded, gateway, io)
  else banner(loaded, log)

  const signal = await stop.first
  if (io.terminal) io.out(`\n${signal}: letting live requests finish; once more to stop at once\n`)
  // A person who presses Ctrl+C does not wait for a load balancer.
  const { shutdownTimeoutMs, drainDelayMs } = config.server
  const stopping = gateway.stop(shutdownTimeoutMs, signal === 'SIGINT' ? 0 : drainDelayMs)
  const winner = await Promise.race([stopping.then(() => 'stopped' as const), stop.second])
  if (winner !== 'stopped') await gateway.stop(0)
  log('INFO', 'gateway stopped')
  logger.close()
  return 0
}

type StopSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP'

/**
 * The first and the second signal to stop. SIGHUP is the first when the terminal is gone, and never the second, for a terminal that
 * closes sends several; else it reloads.
 */
function stopSignals(
  terminalLost: () => boolean,
  reloadNow: () => void,
): { readonly first: Promise<StopSignal>; readonly second: Promise<StopSignal> } {
  const first = Promise.withResolvers<StopSignal>()
  const second = Promise.withResolvers<StopSignal>()
  let stopping = false
  const stop = (signal: StopSignal): void => {
    const { resolve } = stopping ? second : first
    stopping = true
    resolve(signal)
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop(signal))
  process.on('SIGHUP', () => {
    if (stopping) return
    if (terminalLost()) stop('SIGHUP')
    else reloadNow()
  })
  return { first: first.promise, second: second.promise }
}

/**
 * Does work once more after the last call, and never twice at a time: of two reloads, the one that read the file first could end last.
 *
 * @param work never throws
 */
function inTurn(work: () => Promise<void>): () => void {
  let working = false
  let again = false
  return async () => {
    again = true
    if (working) return
    working = true
    while (again) {
      again = false
      await work()
    }
    working = false
  }
}

/** Takes over a changed file, whole or not at all. Never throws. */
async function reload(path: string | undefined, gateway: Gateway, log: Log, io: Io): Promise<void> {
  try {
    const { config, warnings } = loadConfig(path, io.environment)
    for (const warning of warnings) log('WARN', warning)
    const refused = refusedOpen(config, io.environment)
    if (refused !== undefined) throw new Error(refused)
    const { changed, needRestart } = await gateway.reload(config)
    log('INFO', 'configuration reloaded', { changed, need_restart: needRestart })
  } catch (error) {
    log('ERROR', 'configuration not reloaded; the old one stays in force', {
      error: error instanceof Error ? error.message : String(error),
    })
  }
}

function banner({ config, path }: LoadedConfig, log: Log): void {
  log('INFO', 'startup banner', {
    version: VERSION,
    addr: `${config.server.host}:${config.server.port}`,
    port: config.server.port,
    storage_driver: config.storage.driver,
    providers: config.providers.map(
      ({ name, prefix, upstream }) => `${name}:${prefix}->${shownValue(upstream)}`,
    ),
    config_path: path,
    auth_enabled: config.auth.enabled,
    prometheus_enabled: config.prometheus.enabled,
    prometheus_path: config.prometheus.path,
  })
}

/** What a person at a terminal needs to go on. */
function greet({ config, path, exists, document }: LoadedConfig, gateway: Gateway, io: Io): void {
  const urls = clientUrls(document.values)
  const off = switchedOff(config)
  io.out(`
  OngoingAI Gateway ${VERSION}

  Listening on   ${gateway.url}
  Traces in      ${placeOf(config.storage)}
  Settings from  ${exists ? path : 'defaults (no ongoingai.yaml here)'}

  Point your tools at it:

    export OPENAI_BASE_URL=${urls.openai}
    export ANTHROPIC_BASE_URL=${urls.anthropic}

${config.providers.map(({ prefix, upstream }) => `  ${prefix} → ${shownValue(upstream)}\n`).join('')}
${off.length === 0 ? '' : `  Off: ${off.join(', ')}\n`}${openWarnings(config)
    .map((warning) => `  WARNING: ${warning}\n`)
    .join('')}  Ctrl+C stops; then \`ongoingai report\` shows what was used and what it cost.

`)
}

/** The model of a request, its tokens and its cost. */
function spent({
  model,
  input_tokens: input,
  output_tokens: output,
  cost_usd: cost,
  cost_status: costStatus,
  list_price_usd: listPrice,
  usage_source: usageSource,
}: Record<string, unknown>): string {
  const tokens = Number(input ?? 0) + Number(output ?? 0)
  if (tokens === 0) return ''
  const nanoOf = (usd: unknown): number | null => (usd === undefined ? null : Math.round(Number(usd) * 1e9))
  const shown = {
    costStatus: costStatus as CostStatus,
    costNanoUsd: nanoOf(cost),
    listPriceNanoUsd: nanoOf(listPrice),
  }
  const money = costText(shown, (nanoUsd) => `$${usdText(nanoUsd)}`, '')
  const mark = tokensMark({ usageSource: usageSource as UsageSource })
  return `  ${visible(String(model))} ${mark}${tokens} tokens${money === '' ? '' : `, ${money}`}`
}

/** On a terminal, a line per exchange for people instead of JSON. */
function terminalOutput(io: Io): LogOutput {
  const color = (io.environment['NO_COLOR'] ?? '') === ''
  const paint = (code: number, text: string): string => (color ? `\u001b[${code}m${text}\u001b[0m` : text)
  const show = (line: string): string => {
    const { time, level, msg, ...fields } = JSON.parse(line) as Record<string, unknown>
    const clock = String(time).slice(11, 19)
    if (msg === 'request complete') {
      const status = Number(fields['status'])
      const shade = status >= 500 || fields['outcome'] === 'upstream_failed' ? 31 : status >= 400 ? 33 : 32
      const ended = fields['outcome']
      // Most clients hang up at the end mark of a stream: it is worth a line only when they got no response.
      const usual = ended === 'completed' || (ended === 'client_aborted' && status !== 499)
      const outcome = typeof ended === 'string' && !usual ? ` ${ended}` : ''
      return `${paint(2, clock)} ${paint(shade, String(status))} ${String(fields['method'])} ${visible(String(fields['path']))} ${paint(2, `${String(fields['latency_ms'])} ms${spent(fields)}`)}${outcome}\n`
    }
    const details = Object.entries(fields).map(([name, value]) => `${name}=${visible(JSON.stringify(value))}`)
    return `${paint(2, clock)} ${paint(level === 'INFO' ? 36 : level === 'WARN' ? 33 : 31, String(level))} ${String(msg)} ${details.join(' ')}\n`
  }
  return {
    write: (text, failed) => standardOutput.write(text.trim().split('\n').map(show).join(''), failed),
    get waiting() {
      return standardOutput.waiting
    },
  }
}
