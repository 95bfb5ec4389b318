import { readFileSync, statSync } from 'node:fs'
import { basename } from 'node:path'
import { dayOf } from '../time/day.ts'
import { PriceFileError } from '../usage/price-file/findings.ts'
import {
  MAX_PRICE_FILE_BYTES,
  parsePriceFile,
  type ListNames,
  type PriceFormat,
} from '../usage/price-file/parse-price-file.ts'
import type { FiledTable } from '../usage/price-table.ts'

/**
 * Reads a price list from a file. A list without a name gets the file's name, and the day on which the file changed.
 *
 * @param how its format (by default detected from the content) and names for it
 * @throws PriceFileError when it cannot be read, or with every mistake in it
 */
export function readPriceFile(
  path: string,
  how: { readonly format?: PriceFormat; readonly names?: Partial<ListNames> } = {},
): FiledTable {
  return parseRead(path, readPriceBytes(path), how)
}

/** The content of a price list, and when it changed. */
export interface PriceBytes {
  readonly bytes: Uint8Array
  /** Epoch milliseconds. */
  readonly changedMs: number
}

/** Reads a price list without checking it. @throws PriceFileError when it cannot be read or is too large */
export function readPriceBytes(path: string): PriceBytes {
  try {
    const stats = statSync(path)
    if (!stats.isFile()) throw new PriceFileError('is no file')
    if (stats.size > MAX_PRICE_FILE_BYTES)
      throw new PriceFileError(`has more than ${MAX_PRICE_FILE_BYTES} bytes`)
    return { bytes: readFileSync(path), changedMs: stats.mtimeMs }
  } catch (error) {
    if (error instanceof PriceFileError) throw error
    const { code, message } = error as NodeJS.ErrnoException
    throw new PriceFileError(code === 'ENOENT' ? 'there is no such file' : message)
  }
}

/** Checks a price list. @throws PriceFileError with every mistake */
export function parseRead(
  path: string,
  { bytes, changedMs }: PriceBytes,
  how: { readonly format?: PriceFormat; readonly names?: Partial<ListNames> } = {},
): FiledTable {
  const name = basename(path)
    .replaceAll(/[^\w.+-]/g, '-')
    .slice(0, 100)
  return parsePriceFile(bytes, { name, date: dayOf(changedMs), ...how.names }, how.format)
}
