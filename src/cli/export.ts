import type { Cursor } from '../storage/cursor.ts'
import type { TraceFilter } from '../storage/contract/trace-filter.ts'
import type { TraceReader } from '../storage/contract/traces.ts'
import { encodeTrace } from '../background/trace-codec.ts'
import type { Trace } from '../traces/trace.ts'
import type { Io } from './command.ts'
import { auditedReading } from './audited.ts'
import { csvHead, csvRecord, exportColumns, exportLine } from '../presentation/export-columns.ts'
import { ExportFile } from './export-file.ts'
import { readFilterFlags } from './filter-flags.ts'
import type { Arguments } from './flags.ts'
import { openStore } from './open-store.ts'
import { Progress } from './progress.ts'

/** Traces that are read, and held in memory, at once; fewer with their bodies. */
const PAGE = 500
const PAGE_WITH_BODIES = 50

/** `ongoingai export`: traces as a file for other programs. */
export async function exportTraces(parsed: Arguments, io: Io): Promise<number> {
  const options = readOptions(parsed)
  if ('problem' in options) {
    io.err(`${options.problem}\n`)
    return 2
  }
  const store = await openStore(parsed, io)
  if (!store) return 1
  let outcome: 'success' | 'error' = 'error'
  try {
    const reader = store.storage.everywhere()
    if (options.out === '') await exportToOutput(reader, options, io)
    else await exportToFile(reader, options, io)
    outcome = 'success'
    return 0
  } catch (error) {
    io.err(`export stopped: ${error instanceof Error ? error.message : String(error)}\n`)
    if (options.out !== '')
      io.err('what was written is kept; run the same command again to go on from there\n')
    return 1
  } finally {
    await store.storage.close()
    const { format, out, bodies, filter } = options
    const detail = { format, bodies, filter }
    await auditedReading(store.config.storage, { action: 'traces.export', target: out, outcome, detail }, io)
  }
}

interface Options {
  readonly format: 'jsonl' | 'csv' | 'parquet'
  readonly out: string
  readonly bodies: boolean
  readonly filter: TraceFilter
  /** The given flags, except the places of the configuration and the file. */
  readonly words: string
}

function readOptions(parsed: Arguments): Options | { readonly problem: string } {
  const { values, positional } = parsed
  if (positional.length > 0) return { problem: 'export does not accept positional arguments' }
  const raw = values.get('format') ?? ''
  const format = raw.trim().toLowerCase() || 'jsonl'
  if (format !== 'jsonl' && format !== 'csv' && format !== 'parquet') {
    return { problem: `invalid export format "${raw}": expected jsonl, csv or parquet` }
  }
  const out = (values.get('out') ?? '').trim()
  if (format === 'parquet' && out === '') return { problem: 'parquet needs --out: it cannot be streamed' }
  const read = readFilterFlags(parsed)
  if ('problem' in read) return read
  const words = JSON.stringify([...values].filter(([name]) => name !== 'config' && name !== 'out'))
  return { format, out, bodies: values.get('bodies') === 'true', filter: read.filter, words }
}

async function exportToOutput(reader: TraceReader, options: Options, io: Io): Promise<void> {
  const columns = exportColumns(options.bodies)
  if (options.format === 'csv') io.out(csvHead(columns))
  for await (const { items } of pages(reader, options, undefined)) {
    io.out(
      items
        .map((trace) => (options.format === 'csv' ? csvRecord(columns, trace) : exportLine(trace)))
        .join(''),
    )
    await io.drained()
  }
}

async function exportToFile(reader: TraceReader, options: Options, io: Io): Promise<void> {
  const columns = exportColumns(options.bodies)
  const { format, bodies } = options
  const query = JSON.stringify({ format, bodies, filter: options.filter })
  const file = new ExportFile(options.out, query, options.words)
  const { filter } = JSON.parse(file.query) as Pick<Options, 'filter'>
  try {
    const { rows } = await reader.measure(filter, {})
    const progress = new Progress(rows[0]!.requests, 'traces', io)
    if (file.traces > 0) io.err(`going on after ${file.traces} traces that were written before\n`)
    if (format === 'csv' && file.bytes === 0) file.write(csvHead(columns), 0, undefined)
    // Parquet is made from a file that can be gone on with; it cannot itself.
    const lineOf = (trace: Trace): string => {
      if (format === 'csv') return csvRecord(columns, trace)
      return format === 'jsonl' ? exportLine(trace) : `${Buffer.from(encodeTrace(trace)).toString('utf8')}\n`
    }
    for await (const { items, next } of pages(reader, { ...options, filter }, file.after)) {
      file.write(items.map(lineOf).join(''), items.length, next)
      progress.show(file.traces)
    }
    let made: string | undefined
    if (format === 'parquet') {
      made = `${options.out}.parquet.part`
      const { writeParquet } = await import('./parquet-file.ts')
      const making = new Progress(file.traces, 'rows', io)
      await writeParquet(file.partPath, columns, made, (count) => making.show(count))
    }
    progress.clear()
    file.finish(made)
    io.err(`wrote ${file.traces} traces to ${options.out}\n`)
  } catch (error) {
    file.close()
    throw error
  }
}

/** Pages in the order of arrival, which never changes: an export that continues neither repeats nor misses anything. */
async function* pages(
  reader: TraceReader,
  { filter, bodies }: Options,
  start: Cursor | undefined,
): AsyncGenerator<{ items: readonly Trace[]; next?: Cursor }> {
  let after = start
  for (;;) {
    const position = after ? { after } : {}
    const limit = bodies ? PAGE_WITH_BODIES : PAGE
    const page = await reader.wholeTraces(filter, { limit, order: 'arrival', bodies, ...position })
    if (page.items.length === 0) return
    yield page
    after = page.next
  }
}
