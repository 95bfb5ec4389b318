import type { Config } from '../config/config.ts'
import { ConfigError, loadConfig } from '../config/load.ts'
import { readPriceFile } from '../config/price-file.ts'
import { writeFileAtomically } from '../files/atomic-file.ts'
import { makePrivateFolder } from '../files/private-files.ts'
import { visible } from '../presentation/visible.ts'
import { isDay } from '../time/day.ts'
import { priceChanges } from '../usage/price-changes.ts'
import { PriceFileError } from '../usage/price-file/findings.ts'
import {
  type ListNames,
  PRICE_FORMATS,
  type PriceFormat,
  parsePriceFile,
  writePriceFile,
} from '../usage/price-file/parse-price-file.ts'
import { type FiledTable, tableLabel } from '../usage/price-table.ts'
import { tablesInOrder } from '../usage/price-tables.ts'
import type { Io } from './command.ts'
import type { Arguments } from './flags.ts'
import { priceChangesText } from './price-change-text.ts'
import { DownloadError, downloadPriceList } from './price-download.ts'
import { dirname, join } from 'node:path'

/** `prices import`: checks a file, shows what it changes, and puts it where the gateway reads it. @returns the exit status */
export function importPrices(parsed: Arguments, io: Io): number {
  const options = readOptions('prices import', parsed)
  const [file] = parsed.positional
  if ('problem' in options || file === undefined || parsed.positional.length > 1) {
    io.err(`${'problem' in options ? options.problem : 'prices import expects the path of one file'}\n`)
    return 2
  }
  const config = withoutList(parsed, io)
  if (!config) return 1
  try {
    const read = readPriceFile(file, options)
    return take(read, config, options.dryRun, io)
  } catch (error) {
    return failed(`${file} cannot be used`, error, io)
  }
}

/** What `prices update` does: the same with a list that is fetched. @returns the exit status */
export async function updatePrices(parsed: Arguments, io: Io): Promise<number> {
  const options = readOptions('prices update', parsed)
  const from = parsed.values.get('from')?.trim() ?? ''
  const sha256 = parsed.values.get('sha256')?.trim().toLowerCase() ?? ''
  const problem =
    'problem' in options
      ? options.problem
      : parsed.positional.length > 0
        ? 'prices update does not accept positional arguments'
        : from === ''
          ? 'prices update expects --from URL'
          : /^(?:[0-9a-f]{64})?$/.test(sha256)
            ? undefined
            : '--sha256 expects 64 hexadecimal digits'
  if (problem !== undefined || 'problem' in options) {
    io.err(`${problem}\n`)
    return 2
  }
  const config = withoutList(parsed, io)
  if (!config) return 1
  if (!config.pricing.allowUpdate) {
    io.err('prices update is switched off: set pricing.allow_update: true to let it fetch a price list\n')
    return 1
  }
  try {
    const { bytes, name, date } = await downloadPriceList(from, io.environment)
    const read = parsePriceFile(bytes, { name, date, ...options.names }, options.format)
    if (sha256 !== '' && read.sha256 !== sha256) {
      io.err(
        `the list has the SHA-256 ${read.sha256}, and --sha256 asks for ${sha256}; nothing was changed\n`,
      )
      return 1
    }
    return take(read, config, options.dryRun, io)
  } catch (error) {
    return failed('the fetched list cannot be used', error, io)
  }
}

interface Options {
  readonly dryRun: boolean
  readonly format?: PriceFormat
  readonly names: Partial<ListNames>
}

function readOptions(command: string, { values }: Arguments): Options | { readonly problem: string } {
  const text = (name: string): string => values.get(name)?.trim() ?? ''
  const format = PRICE_FORMATS.find((one) => one === text('format').toLowerCase())
  if (text('format') !== '' && !format) {
    return { problem: `invalid ${command} format "${text('format')}": expected ${PRICE_FORMATS.join(', ')}` }
  }
  const [name, date] = [text('name'), text('date')]
  if (!/^[\w.+-]{0,100}$/.test(name)) return { problem: '--name takes letters, digits, dots and dashes' }
  if (date !== '' && !isDay(date)) return { problem: '--date expects a day like 2026-11-30' }
  return {
    dryRun: values.get('dry-run') === 'true',
    ...(format ? { format } : {}),
    names: { ...(name === '' ? {} : { name }), ...(date === '' ? {} : { date }) },
  }
}

/** Loads the configuration. A missing or broken list is accepted, because it will be replaced. */
function withoutList({ values }: Arguments, io: Io): Config | undefined {
  const usable = (path: string): FiledTable | undefined => {
    try {
      return readPriceFile(path)
    } catch (error) {
      if (error instanceof PriceFileError) return undefined
      throw error
    }
  }
  try {
    return loadConfig(values.get('config'), io.environment, usable).config
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    io.err(`${error.stage === 'load' ? 'failed to load config' : 'config is invalid'}: ${error.message}\n`)
    return undefined
  }
}

/** Shows what a checked list changes and writes it. @throws PriceFileError when it would be too large; Error from the file system */
function take({ table, sha256, warnings }: FiledTable, config: Config, dryRun: boolean, io: Io): number {
  const models = table.providers.reduce((sum, provider) => sum + provider.models.length, 0)
  io.out(
    `${visible(tableLabel(table))}: ${models} models of ${table.providers.length} providers, ${table.date}\n`,
  )
  io.out(`SHA-256 ${sha256}\n`)
  for (const warning of warnings) io.err(`warning: ${visible(warning)}\n`)
  const own = config.pricing.list?.table
  const before = own ? tablesInOrder(own) : [NO_LIST, ...tablesInOrder(undefined)]
  io.out(`\n${priceChangesText(priceChanges(before, tablesInOrder(table), Date.now()))}\n`)
  const { file } = config.pricing
  const path = file === '' ? defaultPath(config) : file
  if (dryRun) {
    io.out(`nothing was written; without --dry-run it is written to ${path}\n`)
    return 0
  }
  const content = new TextEncoder().encode(writePriceFile(table))
  // The written list must be readable: it may be larger than the file.
  parsePriceFile(content, table)
  makePrivateFolder(dirname(path))
  writeFileAtomically(path, content)
  io.out(
    file === ''
      ? `written to ${path}. To use it, set pricing.file: ${path}\n`
      : `written to ${path}. A running gateway reads it within seconds\n`,
  )
  io.out('To price stored traces again: ongoingai reprice --dry-run\n')
  return 0
}

/** Used when the operator has no list. */
const NO_LIST = { name: '', version: '', date: '', providers: [] }

/** Next to the store, or next to the journal if the store is not a file. */
function defaultPath({ storage, tracing }: Config): string {
  const beside =
    storage.driver === 'sqlite' && storage.path !== ':memory:' ? storage.path : tracing.journal.path
  return join(dirname(beside), 'price-list.json')
}

function failed(what: string, error: unknown, io: Io): number {
  if (error instanceof DownloadError) io.err(`${error.message}\n`)
  else if (error instanceof PriceFileError)
    io.err(`${what}; nothing was changed:\n  ${error.message.split('\n').map(visible).join('\n  ')}\n`)
  else io.err(`failed to write the price list: ${error instanceof Error ? error.message : String(error)}\n`)
  return 1
}
