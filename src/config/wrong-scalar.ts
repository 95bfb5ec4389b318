import { nearest } from '../wire/nearest.ts'
import { environmentFloat, quote } from './scalar.ts'

/** A scalar that cannot be read, and what is expected. */
export interface WrongScalar {
  /** What is expected, as `Scalar` says it: `a whole number`. */
  readonly expected: string
  /** Unit of the setting, where it has one. */
  readonly unit: string | undefined
  readonly text: string
  /** It is quoted in the file. */
  readonly quoted: boolean
}

/** Units that people write behind numbers, by the setting's unit. */
const FACTORS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  bytes: {
    b: 1,
    k: 1024,
    kb: 1e3,
    kib: 1024,
    m: 1024 ** 2,
    mb: 1e6,
    mib: 1024 ** 2,
    g: 1024 ** 3,
    gb: 1e9,
    gib: 1024 ** 3,
  },
  ms: { ms: 1, s: 1000, sec: 1000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000 },
  hours: { h: 1, d: 24, w: 168 },
  days: { d: 1, w: 7, y: 365 },
}

/** `must be a whole number of bytes (got "10MB"); write 10000000`. */
export function wrongScalar({ expected, unit, text, quoted }: WrongScalar): string {
  const of = unit && FACTORS[unit] ? ` of ${unit === 'ms' ? 'milliseconds' : unit}` : ''
  const kind = expected.replace('number', (noun) => `${noun}${of}`)
  const instead = expected === 'true or false' ? booleanFor(text) : numberFor(text, unit)
  const hint = instead === undefined ? '' : `; write ${instead}${instead === text ? ' without quotes' : ''}`
  return `must be ${kind} (got ${quote(text)}${quoted ? ' in quotes' : ''})${hint}`
}

function booleanFor(text: string): string | undefined {
  const word = text.trim().toLowerCase()
  if (['1', 't', 'y', 'yes', 'on', 'enable', 'enabled'].includes(word)) return 'true'
  if (['0', 'f', 'n', 'no', 'off', 'disable', 'disabled'].includes(word)) return 'false'
  return nearest(word, ['true', 'false'])
}

function numberFor(text: string, unit = ''): string | undefined {
  const [, amount = '', suffix = ''] = /^\$?\s*([-+]?[\d.,_]+)\s*([^\d\s]*)\s*$/.exec(text.trim()) ?? []
  const plain = /^[-+]?\d{1,3}(,\d{3})+$/.test(amount) ? amount.replaceAll(',', '') : amount
  const read = environmentFloat(plain.replaceAll('_', ''))
  if (!('value' in read) || !Number.isSafeInteger(Math.trunc(read.value))) return undefined
  if (suffix === '' || suffix.startsWith('/')) return plain
  if (suffix === '%') return unit === '' ? String(read.value / 100) : undefined
  const factor =
    FACTORS[unit]?.[suffix.toLowerCase().replace(/^(day|hour|week|year|minute|second)s?$/, (w) => w[0]!)]
  return factor === undefined ? undefined : String(Math.round(read.value * factor))
}
