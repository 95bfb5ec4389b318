import { contractJson } from '../wire/json/contract-json.ts'
import { readFormat, type Io } from './command.ts'
import type { Arguments } from './flags.ts'
import { requestGateway, readTimeout } from './running-gateway.ts'
import { textTable } from './text-table.ts'

const PATH = '/api/diagnostics/trace-pipeline'

/** `ongoingai diagnostics`: the trace pipeline of a running gateway. */
export async function diagnostics(parsed: Arguments, io: Io): Promise<number> {
  const { positional } = parsed
  const target = positional[0]?.trim()
  if (positional.length > 1) {
    return wrong(io, 'diagnostics accepts at most one positional argument: "trace-pipeline"')
  }
  if (target !== undefined && target !== 'trace-pipeline') {
    return wrong(io, `unsupported diagnostics target "${target}": expected "trace-pipeline"`)
  }
  const format = readFormat('diagnostics', parsed)
  if ('problem' in format) return wrong(io, format.problem)
  const timeoutMs = readTimeout(parsed)
  if (typeof timeoutMs === 'string') return wrong(io, `invalid diagnostics ${timeoutMs}`)
  try {
    const { url, value } = await requestGateway(parsed, io, { what: 'diagnostics', path: PATH, timeoutMs })
    const response = responseOf(value)
    if (format.format === 'json') io.out(`${contractJson(response, 2)}\n`)
    else writeText(response, url, io)
    return 0
  } catch (error) {
    io.err(`${error instanceof Error ? error.message : String(error)}\n`)
    return 1
  }
}

interface DiagnosticsResponse {
  readonly schema_version: string
  readonly generated_at: string
  readonly diagnostics: Readonly<Record<string, unknown>>
}

/** @throws Error when the response is not the gateway's */
function responseOf(value: unknown): DiagnosticsResponse {
  const response = value as Partial<DiagnosticsResponse>
  if (!response.schema_version) {
    throw new Error('failed to read diagnostics: missing schema_version in diagnostics response')
  }
  return {
    schema_version: response.schema_version,
    generated_at: response.generated_at ?? '',
    diagnostics: response.diagnostics ?? {},
  }
}

function wrong(io: Io, message: string): number {
  io.err(`${message}\n`)
  return 2
}

function writeText(
  { schema_version, generated_at, diagnostics: values }: DiagnosticsResponse,
  url: string,
  io: Io,
): void {
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
