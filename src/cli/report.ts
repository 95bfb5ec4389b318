import { contractJson } from '../wire/json/contract-json.ts'
import type { TraceFilter } from '../storage/contract/trace-filter.ts'
import type { TimeZone } from '../time/time-zone.ts'
import type { Io } from './command.ts'
import { readFilterFlags, readTimeZoneFlag } from './filter-flags.ts'
import type { Arguments } from './flags.ts'
import { openStore } from './open-store.ts'
import { collectCurves, collectReport } from '../presentation/report-data.ts'
import { reportHtml } from '../presentation/report-html.ts'
import { reportJson } from '../presentation/report-json.ts'
import { writeReportText } from './report-text.ts'

/** `ongoingai report`: usage and cost, read from the store, without a running gateway. */
export async function report(parsed: Arguments, io: Io): Promise<number> {
  const options = readOptions(parsed)
  if ('problem' in options) {
    io.err(`${options.problem}\n`)
    return 2
  }
  const store = await openStore(parsed, io)
  if (!store) return 1
  try {
    const { storage } = store.config
    const place =
      storage.driver === 'sqlite' ? { driver: 'sqlite', path: storage.path } : { driver: storage.driver }
    const reader = store.storage.everywhere()
    const { keys } = await store.storage.directory().activeKeys()
    const keyNames = new Map([...store.config.auth.keys, ...keys].map(({ id, name }) => [id, name] as const))
    // Loaded here: the price list is megabytes that `serve` must not carry.
    const { priceAgeOf } = await import('../presentation/price-age.ts')
    const prices = await priceAgeOf(reader, store.config, Date.now())
    const shown = { storage: place, prices, keyNames }
    const data = await collectReport(reader, options.filter, options.limit, shown)
    if (options.format === 'json') io.out(`${contractJson(reportJson(data), 2)}\n`)
    else if (options.format === 'html')
      io.out(reportHtml(data, await collectCurves(reader, options.filter, options.zone)))
    else writeReportText(data, io)
    return 0
  } catch (error) {
    io.err(`failed to build report: ${error instanceof Error ? error.message : String(error)}\n`)
    return 1
  } finally {
    await store.storage.close()
  }
}

interface Options {
  readonly format: 'text' | 'json' | 'html'
  readonly filter: TraceFilter
  readonly limit: number
  /** Where days begin. */
  readonly zone: TimeZone
}

function readOptions(parsed: Arguments): Options | { readonly problem: string } {
  const { values, positional } = parsed
  if (positional.length > 0) return { problem: 'report does not accept positional arguments' }
  const raw = values.get('format') ?? ''
  const format = raw.trim().toLowerCase() || 'text'
  if (format !== 'text' && format !== 'json' && format !== 'html') {
    return { problem: `invalid report format "${raw}": expected text or json or html` }
  }
  const limit = Number(values.get('limit') ?? 10)
  if (limit < 1 || limit > 200) return { problem: 'limit must be between 1 and 200' }
  const read = readFilterFlags(parsed)
  if ('problem' in read) return read
  const zone = readTimeZoneFlag(parsed)
  if ('problem' in zone) return zone
  return { format, filter: read.filter, limit, zone }
}
