import { clientUrls, DEFAULT_KEY_FIELD } from '../config/client-urls.ts'
import { ConfigError, loadConfig } from '../config/load.ts'
import { contractJson } from '../http/json-response.ts'
import { CONFIG_FLAG, FORMAT_FLAG, readFormat, type Command, type Io } from './command.ts'
import { parseDurationMs, type Arguments } from './flags.ts'
import { textTable } from './text-table.ts'

const MAX_ANSWER_BYTES = 1_048_576
const PATH = '/api/diagnostics/trace-pipeline'

/** `ongoingai diagnostics`: the trace pipeline of a running gateway. */
export const diagnostics: Command = {
  name: 'diagnostics',
  summary: 'show the trace pipeline of a running gateway',
  usage:
    'diagnostics [trace-pipeline] [--config path/to/ongoingai.yaml] [--base-url URL] [--gateway-key TOKEN] [--auth-header HEADER] [--format text|json] [--timeout DURATION]',
  flags: [
    CONFIG_FLAG,
    FORMAT_FLAG,
    {
      name: 'base-url',
      type: 'string',
      description: 'Gateway base URL (defaults to value derived from config)',
    },
    {
      name: 'gateway-key',
      type: 'string',
      description: 'Gateway key token for protected diagnostics route access (or ONGOINGAI_GATEWAY_KEY)',
    },
    {
      name: 'auth-header',
      type: 'string',
      description: 'Gateway key header name (defaults to config auth.header)',
    },
    { name: 'timeout', type: 'duration', description: 'HTTP timeout duration', default: '5s' },
  ],
  async run(parsed, io) {
    const { values, positional } = parsed
    const target = positional[0]?.trim()
    if (positional.length > 1) {
      return wrong(io, 'diagnostics accepts at most one positional argument: "trace-pipeline"')
    }
    if (target !== undefined && target !== 'trace-pipeline') {
      return wrong(io, `unsupported diagnostics target "${target}": expected "trace-pipeline"`)
    }
    const format = readFormat('diagnostics', parsed)
    if ('problem' in format) return wrong(io, format.problem)
    const given = (values.get('timeout') ?? '5s').trim()
    const timeoutMs = parseDurationMs(given) ?? 0
    if (timeoutMs <= 0) return wrong(io, `invalid diagnostics timeout "${given}": must be greater than 0`)
    try {
      const { url, header } = resolveEndpoint(parsed, io)
      const key = (values.get('gateway-key') ?? io.environment['ONGOINGAI_GATEWAY_KEY'] ?? '').trim()
      const answer = await ask(url, key === '' ? undefined : { header, key }, timeoutMs)
      if (format.format === 'json') io.out(`${contractJson(answer, 2)}\n`)
      else writeText(answer, url, io)
      return 0
    } catch (error) {
      io.err(`${error instanceof Error ? error.message : String(error)}\n`)
      return 1
    }
  },
}

interface Answer {
  readonly schema_version: string
  readonly generated_at: string
  readonly diagnostics: Readonly<Record<string, unknown>>
}

function wrong(io: Io, message: string): number {
  io.err(`${message}\n`)
  return 2
}

function resolveEndpoint({ values }: Arguments, io: Io): { url: string; header: string } {
  const failed = (reason: string): Error => new Error(`failed to resolve diagnostics endpoint: ${reason}`)
  let base = (values.get('base-url') ?? '').trim()
  let header = (values.get('auth-header') ?? '').trim()
  if (base === '' || header === '') {
    try {
      const { document, config } = loadConfig(values.get('config'), io.environment)
      if (base === '') base = clientUrls(document.values).base
      if (header === '') header = config.auth.header
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      const stage = error.stage === 'load' ? 'load config' : 'config validation failed'
      if (base === '') throw failed(`${stage}: ${error.message}`)
    }
  }
  if (!URL.canParse(base)) throw failed(`parse base URL: parse "${base}": invalid URL`)
  const url = new URL(base)
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw failed('base URL must include http or https scheme')
  if (url.host === '') throw failed('base URL must include host')
  return {
    url: `${url.origin}${url.pathname.replace(/\/+$/, '')}${PATH}`,
    header: header || DEFAULT_KEY_FIELD,
  }
}

async function ask(
  url: string,
  auth: { header: string; key: string } | undefined,
  timeoutMs: number,
): Promise<Answer> {
  const failed = (reason: string): Error => new Error(`failed to read diagnostics: ${reason}`)
  const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error))
  let response: Response
  try {
    response = await fetch(url, {
      headers: { accept: 'application/json', ...(auth ? { [auth.header]: auth.key } : {}) },
      // A redirect would carry the key to another host.
      redirect: auth ? 'manual' : 'follow',
      signal: AbortSignal.timeout(timeoutMs),
    })
  } catch (error) {
    throw failed(`send request: ${reason(error)}`)
  }
  const pieces: Uint8Array[] = []
  let size = 0
  try {
    for await (const piece of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      size += piece.length
      pieces.push(piece)
      if (size > MAX_ANSWER_BYTES) break
    }
  } catch (error) {
    throw failed(`read response: ${reason(error)}`)
  }
  if (size > MAX_ANSWER_BYTES) {
    throw failed(`response too large: ${MAX_ANSWER_BYTES + 1} bytes exceeds ${MAX_ANSWER_BYTES} byte limit`)
  }
  const text = Buffer.concat(pieces).toString('utf8')
  if (response.status !== 200)
    throw failed(`status ${response.status}: ${messageOf(text) || response.statusText}`)
  let answer: Partial<Answer>
  try {
    answer = JSON.parse(text) as Partial<Answer>
  } catch (error) {
    throw failed(`decode response: ${reason(error)}`)
  }
  if (!answer.schema_version) throw failed('missing schema_version in diagnostics response')
  return {
    schema_version: answer.schema_version,
    generated_at: answer.generated_at ?? '',
    diagnostics: answer.diagnostics ?? {},
  }
}

function messageOf(text: string): string {
  try {
    const { error } = JSON.parse(text) as { error?: unknown }
    if (typeof error === 'string' && error.trim() !== '') return error.trim()
  } catch {
    // Not JSON: the text speaks for itself.
  }
  return text.trim()
}

function writeText({ schema_version, generated_at, diagnostics: values }: Answer, url: string, io: Io): void {
  const text = (name: string, otherwise = '(none)'): string => {
    const value = values[name]
    return typeof value === 'string' || typeof value === 'number' ? String(value) : otherwise
  }
  const number = (name: string): string => text(name, '0')
  io.out('OngoingAI Diagnostics\n')
  io.out(
    textTable([
      ['Schema version', schema_version],
      ['Generated at', generated_at.replace(/\.\d+Z$/, 'Z')],
      ['Source', url],
      ['Queue pressure', text('queue_pressure_state', 'unknown').toUpperCase()],
      ['High watermark pressure', text('queue_high_watermark_pressure_state', 'unknown').toUpperCase()],
    ]),
  )
  io.out('\nQueue\n')
  io.out(
    textTable([
      ['Capacity', number('queue_capacity')],
      ['Depth', number('queue_depth')],
      ['Depth high watermark', number('queue_depth_high_watermark')],
      ['Utilization (pct)', number('queue_utilization_pct')],
      ['High watermark utilization (pct)', number('queue_high_watermark_utilization_pct')],
      ['Enqueue accepted total', number('enqueue_accepted_total')],
      ['Stored total', number('stored_total')],
      ['Bytes', `${number('queue_bytes')} of ${number('queue_max_bytes')}`],
    ]),
  )
  io.out('\nJournal\n')
  io.out(
    textTable([
      ['Records', number('journal_records')],
      ['Bytes', number('journal_bytes')],
      ['Spilled total', number('spilled_total')],
      ['Replayed total', number('replayed_total')],
      ['Quarantined total', number('quarantined_total')],
    ]),
  )
  io.out('\nDrops\n')
  io.out(
    textTable([
      ['Enqueue dropped total', number('enqueue_dropped_total')],
      ['Write dropped total', number('write_dropped_total')],
      ['Total dropped', number('total_dropped_total')],
      ['Last enqueue drop at', text('last_enqueue_drop_at')],
      ['Last write drop at', text('last_write_drop_at')],
      ['Last write drop operation', text('last_write_drop_operation')],
    ]),
  )
  const classes = (values['write_failures_by_class'] ?? {}) as Record<string, number>
  const known = ['connection', 'timeout', 'contention', 'constraint', 'unknown'].filter(
    (name) => classes[name],
  )
  if (known.length > 0) {
    io.out('\nWrite Failures by Class\n')
    io.out(textTable(known.map((name) => [name, String(classes[name])])))
  }
  if (!values['store_driver']) return
  io.out('\nStore\n')
  io.out(textTable([['Driver', text('store_driver')]]))
}
