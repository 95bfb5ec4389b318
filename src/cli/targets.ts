import type { Config } from '../config/config.ts'
import { ConfigError, loadConfig } from '../config/load.ts'
import { contractJson } from '../wire/json/contract-json.ts'
import type { TargetItem } from '../presentation/target-item.ts'
import { visible } from '../presentation/visible.ts'
import { servedDialects } from '../providers/dialects/served-dialects.ts'
import { readFormat, type Io } from './command.ts'
import type { Arguments } from './flags.ts'
import { readTimeout, requestGateway, type Question } from './running-gateway.ts'
import { textTable } from './text-table.ts'

/** `ongoingai targets`: the targets of a running gateway, with their states. */
export async function showTargets(parsed: Arguments, io: Io): Promise<number> {
  const format = readFormat('targets', parsed)
  const timeoutMs = readTimeout(parsed)
  if (parsed.positional.length > 0) return wrong(io, 'targets does not accept positional arguments')
  if ('problem' in format) return wrong(io, format.problem)
  if (typeof timeoutMs === 'string') return wrong(io, `invalid targets ${timeoutMs}`)
  try {
    const { value } = await requestGateway(parsed, io, { what: 'targets', path: '/api/targets', timeoutMs })
    if (format.format === 'json') {
      io.out(`${contractJson(value, 2)}\n`)
      return 0
    }
    const { items } = value as { items: readonly TargetItem[] }
    if (items.length === 0) io.out('no targets are configured, and none was used\n')
    else io.out(textTable([HEADINGS, ...items.map(rowOf)]))
    return 0
  } catch (error) {
    return failed(io, error)
  }
}

/** `ongoingai targets try`: sends one small request to each target of a name. */
export async function tryTargets(parsed: Arguments, io: Io): Promise<number> {
  const timeoutMs = readTimeout(parsed)
  const [name, ...more] = parsed.positional
  if (name === undefined || more.length > 0) return wrong(io, 'targets try takes the name of a model')
  if (typeof timeoutMs === 'string') return wrong(io, `invalid targets try ${timeoutMs}`)
  let config: Config
  try {
    config = loadConfig(parsed.values.get('config'), io.environment).config
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return failed(io, error)
  }
  const named = targetsNamed(config, name)
  if (named.length === 0) return failed(io, new Error(`no model and no target is called ${name}`))
  let status = 0
  for (const target of named) {
    const problem = await tryTarget(target, config, { parsed, io, timeoutMs })
    if (problem !== undefined) status = 1
    io.out(`${visible(target)}  ${problem === undefined ? 'ok' : visible(problem)}\n`)
  }
  return status
}

/** The targets of an alias, or the one that a name names. */
function targetsNamed({ models, providers }: Config, name: string): string[] {
  const alias = models.find((model) => model.name === name)
  if (alias) return alias.targets.map(({ provider, model }) => `${provider}/${model || name}`)
  return providers.some((provider) => name.startsWith(`${provider.name}/`)) ? [name] : []
}

/** @returns what went wrong; `undefined` when the target responded well */
async function tryTarget(
  target: string,
  { providers }: Config,
  { parsed, io, timeoutMs }: { readonly parsed: Arguments; readonly io: Io; readonly timeoutMs: number },
): Promise<string | undefined> {
  const provider = providers.find(({ name }) => name === target.slice(0, target.indexOf('/')))
  if (!provider) return 'its provider is not enabled'
  const question = questionFor(target, servedDialects(new URL(provider.upstream), provider.api))
  if (!question) return 'its provider serves none of the APIs of the routes without a prefix'
  try {
    await requestGateway(parsed, io, { what: target, method: 'POST', timeoutMs, ...question })
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** A small request in a dialect that a provider speaks. Clouds serve a vendor's models in the vendor's own. */
function questionFor(
  model: string,
  spoken: ReturnType<typeof servedDialects>,
): Pick<Question, 'path' | 'body'> | undefined {
  const messages = [{ role: 'user', content: 'Say ok.' }]
  const isGemini = spoken.gemini !== undefined && /^[^/]+\/gemini/.test(model)
  if (spoken.anthropic !== undefined && (spoken.openai === undefined || /claude/.test(model)))
    return { path: '/v1/messages', body: { model, messages, max_tokens: 16 } }
  if (spoken.openai !== undefined && !isGemini)
    return { path: '/v1/chat/completions', body: { model, messages } }
  if (spoken.gemini === undefined) return undefined
  return {
    path: `/v1beta/models/${encodeURIComponent(model)}:generateContent`,
    body: { contents: [{ role: 'user', parts: [{ text: 'Say ok.' }] }] },
  }
}

const HEADINGS = [
  'TARGET',
  'CREDENTIAL',
  'STATE',
  'UNTIL',
  'LAST CAUSE',
  'ATTEMPTS',
  'FAILURES',
  'FIRST BYTE',
]

function rowOf(item: TargetItem): string[] {
  const { target, credential, state, until, last_cause: cause, attempts, failures } = item
  const firstByte = item.first_byte_p50_ms
  return [
    visible(target),
    credential ?? "caller's own",
    state.replace('_', ' '),
    until ?? '',
    cause ?? '',
    String(attempts),
    String(failures),
    firstByte === null ? '' : `${firstByte} ms`,
  ]
}

function wrong(io: Io, problem: string): number {
  io.err(`${problem}\n`)
  return 2
}

function failed(io: Io, error: unknown): number {
  io.err(`${error instanceof Error ? error.message : String(error)}\n`)
  return 1
}
