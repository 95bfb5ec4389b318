import { isDay } from '../../time/day.ts'
import type { FiledTable, PriceTable } from '../price-table.ts'
import { readCsvList } from './csv-list.ts'
import { Findings, PriceFileError } from './findings.ts'
import { readProviders } from './json-list.ts'
import { readLitellm } from './litellm-list.ts'

/** Formats of a price list: genai-prices' and our own JSON, LiteLLM's JSON, CSV. */
export const PRICE_FORMATS = ['genai-prices', 'litellm', 'csv'] as const
export type PriceFormat = (typeof PRICE_FORMATS)[number]

/** Largest price list in bytes; LiteLLM's has 1.7 million. */
export const MAX_PRICE_FILE_BYTES = 16 * 1024 * 1024

/** `schema_version` of a list in our own form. */
const OWN_SCHEMA = 'price-list.v1'

/** Names for a list that has none. */
export interface ListNames {
  readonly name: string
  /** `YYYY-MM-DD` */
  readonly date: string
}

/**
 * Reads and checks a whole price list. A list that names itself (our own form) keeps its name, version and date;
 * another one has the first digits of its SHA-256 as its version. The date is part of the version, so that receipts
 * show it.
 *
 * @param format by default, detected from the content
 * @throws PriceFileError with every mistake
 */
export function parsePriceFile(bytes: Uint8Array, names: ListNames, format?: PriceFormat): FiledTable {
  if (bytes.byteLength > MAX_PRICE_FILE_BYTES)
    throw new PriceFileError(`larger than ${MAX_PRICE_FILE_BYTES} bytes`)
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new PriceFileError('no text in UTF-8')
  }
  const sha256 = new Bun.CryptoHasher('sha256').update(bytes).digest('hex')
  const findings = new Findings()
  const table = readTable(text, { ...names, version: sha256.slice(0, 8) }, format, findings)
  findings.throwIfWrong()
  return { table: withDate(table), sha256, warnings: findings.warnings }
}

/** The version contains the date, because receipts show only the version. */
function withDate(table: PriceTable): PriceTable {
  const { version, date } = table
  return version.includes(date) ? table : { ...table, version: `${date}+${version}` }
}

/** A list in our own form, as `prices import` writes it. */
export function writePriceFile({ name, version, date, providers }: PriceTable): string {
  return `${JSON.stringify({ schema_version: OWN_SCHEMA, name, version, date, providers }, undefined, 1)}\n`
}

function readTable(
  text: string,
  names: Omit<PriceTable, 'providers'>,
  format: PriceFormat | undefined,
  findings: Findings,
): PriceTable {
  if (format === 'csv' || (format === undefined && !/^\s*[[{]/.test(text))) {
    return { ...names, providers: readCsvList(text, findings) }
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new PriceFileError(`no JSON: ${(error as Error).message}`)
  }
  if (format !== 'litellm' && Array.isArray(value))
    return { ...names, providers: readProviders(value, findings) }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new PriceFileError(
      format === 'litellm' ? 'must be an object of models' : 'must be a list or an object',
    )
  }
  const members = value as Readonly<Record<string, unknown>>
  if (format === 'litellm' || (format === undefined && !('providers' in members))) {
    return { ...names, providers: readLitellm(members, findings) }
  }
  return { ...namesIn(members, names, findings), providers: readProviders(members['providers'], findings) }
}

function namesIn(
  {
    schema_version: schema,
    name,
    version,
    date,
    providers: _providers,
    ...others
  }: Readonly<Record<string, unknown>>,
  names: Omit<PriceTable, 'providers'>,
  findings: Findings,
): Omit<PriceTable, 'providers'> {
  for (const other of Object.keys(others)) findings.doubtful(other, 'is not known and not read')
  if (schema !== undefined && schema !== OWN_SCHEMA) findings.wrong('schema_version', `must be ${OWN_SCHEMA}`)
  const word = (member: string, value: unknown, otherwise: string): string => {
    if (value === undefined) return otherwise
    if (typeof value === 'string' && /^[\w.+-]{1,100}$/.test(value)) return value
    findings.wrong(member, 'must be up to 100 letters, digits, dots, dashes or underscores')
    return otherwise
  }
  if (date !== undefined && (typeof date !== 'string' || !isDay(date)))
    findings.wrong('date', 'must be a day like 2026-11-30')
  return {
    name: word('name', name, names.name),
    version: word('version', version, names.version),
    date: typeof date === 'string' && isDay(date) ? date : names.date,
  }
}
