import { costText, tokensMark } from '../presentation/estimate-marks.ts'
import { traceSummaryJson } from '../presentation/trace-json.ts'
import { visible } from '../presentation/visible.ts'
import type { Storage } from '../storage/contract/storage.ts'
import type { TraceFilter } from '../storage/contract/trace-filter.ts'
import type { TraceSummary } from '../storage/contract/traces.ts'
import type { Cursor } from '../storage/cursor.ts'
import { formatSecond } from '../time/rfc3339.ts'
import { usdText } from '../usage/money.ts'
import { type Io, readFormat } from './command.ts'
import type { Arguments } from './flags.ts'
import { readFilterFlags } from './filter-flags.ts'
import { openStore } from './open-store.ts'
import { outputColumns } from './text-table.ts'
import { wrapWords } from './wrap-words.ts'

/** How often the store is polled: no notification of a new trace passes through a connection pooler. */
const POLL_MS = 500

/** Traces that one look takes at most. */
const PAGE = 200

/** `ongoingai traces tail`: traces as they come in, one a line. */
export async function tailTraces(parsed: Arguments, io: Io): Promise<number> {
  if (parsed.positional.length > 0) {
    io.err('traces tail does not accept positional arguments\n')
    return 2
  }
  const format = readFormat('traces tail', parsed)
  const read = readFilterFlags(parsed)
  const limit = Number(parsed.values.get('limit') ?? 10)
  const problem =
    'problem' in format
      ? format.problem
      : 'problem' in read
        ? read.problem
        : limit < 0 || limit > PAGE
          ? `limit must be between 0 and ${PAGE}`
          : undefined
  if (problem !== undefined || 'problem' in format || 'problem' in read) {
    io.err(`${problem}\n`)
    return 2
  }
  const store = await openStore(parsed, io)
  if (!store) return 1
  const show = format.format === 'json' ? jsonLine : textLine
  const { openStorage } = await import('../storage/open-storage.ts')
  return follow(
    store.storage,
    () => openStorage(store.config.storage, 'read'),
    read.filter,
    limit,
    (trace) => io.out(show(trace, io)),
  )
}

/** Follows until interrupted. A SQLite file is opened again for each poll: a file without a writer is read as it is. */
async function follow(
  first: Storage,
  reopen: () => Promise<Storage>,
  filter: TraceFilter,
  limit: number,
  show: (trace: TraceSummary) => void,
): Promise<number> {
  const stopped = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopped.abort())
  let position = await first.everywhere().lastArrival()
  // A trace that arrives between these two queries is in both.
  const lastOnes = new Set<string>()
  if (limit > 0) {
    const { items } = await first.everywhere().listTraces(filter, { limit, order: 'newest' })
    for (const trace of [...items].reverse()) {
      lastOnes.add(trace.id)
      show(trace)
    }
  }
  const showNew = (trace: TraceSummary): void => {
    if (!lastOnes.delete(trace.id)) show(trace)
  }
  let storage: Storage | undefined = first
  while (!stopped.signal.aborted) {
    try {
      storage ??= await reopen()
      position = await look(storage, filter, position, showNew)
    } catch {
      // The store is away for a moment: what comes meanwhile is shown when it is back.
    }
    if (storage?.driver === 'sqlite') {
      await storage.close()
      storage = undefined
    }
    await Bun.sleep(POLL_MS)
  }
  await storage?.close()
  return 0
}

/** Shows what has come since a position. @returns the position to go on from */
async function look(
  storage: Storage,
  filter: TraceFilter,
  start: Cursor | undefined,
  show: (trace: TraceSummary) => void,
): Promise<Cursor | undefined> {
  const reader = storage.everywhere()
  let position = start
  for (;;) {
    const last = await reader.lastArrival()
    const after = position ? { after: position } : {}
    const { items, next } = await reader.listTraces(filter, { limit: PAGE, order: 'arrival', ...after })
    for (const trace of items) show(trace)
    position = next ?? last ?? position
    if (items.length < PAGE) return position
  }
}

function jsonLine(trace: TraceSummary): string {
  const { organizationId, workspaceId } = trace
  const line = { organization_id: organizationId, workspace_id: workspaceId, ...traceSummaryJson(trace) }
  return `${JSON.stringify(line)}\n`
}

function textLine(trace: TraceSummary, io: Io): string {
  const color = io.terminal && (io.environment['NO_COLOR'] ?? '') === ''
  const { responseStatus: status } = trace
  const shade = status >= 500 || trace.outcome === 'upstream_failed' ? 31 : status >= 400 ? 33 : 32
  const shown = color ? `\u001b[${shade}m${status}\u001b[0m` : String(status)
  const cost = costText(trace, (nanoUsd) => `$${usdText(nanoUsd)}`, 'cost unknown')
  const why = trace.providerError === '' ? '' : ` (${visible(trace.providerError)})`
  const ended = trace.outcome === 'completed' ? '' : ` ${trace.outcome}${why}`
  const line = `${formatSecond(trace.startedAtUs)} ${shown} ${visible(trace.provider)} ${visible(trace.model)} ${visible(trace.requestPath)} ${tokensMark(trace)}${trace.inputTokens}+${trace.outputTokens} tokens ${cost} ${trace.latencyMs} ms${ended} ${visible(trace.id)}`
  // A pipe gets one trace a line.
  return `${io.terminal ? wrapWords(line, outputColumns(), '  ') : line}\n`
}
