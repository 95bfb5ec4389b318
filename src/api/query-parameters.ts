import { nearest } from '../wire/nearest.ts'
import { quote } from '../config/scalar.ts'
import { GatewayError } from '../errors.ts'
import { badRequest } from '../presentation/bad-request.ts'
import { isStorable } from '../wire/storable-text.ts'
import { BOUND_FORMS, parseBound, type Now } from '../time/time-bound.ts'
import { timeZoneOf, UTC, type TimeZone } from '../time/time-zone.ts'

/** Parameters that may be given more than once. */
const REPEATABLE: ReadonlySet<string> = new Set(['group_by', 'workspace_id'])

/**
 * Parameters of a query as the contract reads them: values are trimmed, blank means absent, and pairs that are malformed or hold a `;`
 * are left out.
 */
export class QueryParameters {
  readonly #values = new Map<string, string[]>()

  /**
   * @param query with `?`, or empty
   * @param known names that the route takes; one that ends in `.` allows every name with this prefix
   * @throws GatewayError `unknown_parameter` for a name that the route does not take, `invalid_parameter` for a repeated one, `bad_request`
   * for a text with a NUL, which the store never holds
   */
  constructor(query: string, known: readonly string[]) {
    for (const pair of query.slice(1).split('&')) {
      if (pair === '' || pair.includes(';')) continue
      const equals = pair.indexOf('=')
      const name = decode(equals < 0 ? pair : pair.slice(0, equals))
      const value = decode(equals < 0 ? '' : pair.slice(equals + 1))
      if (!name || value === undefined) continue
      requireStorable(name, 'a parameter')
      requireStorable(value, name)
      requireKnown(name, known)
      const values = this.#values.get(name)
      if (values && !REPEATABLE.has(name)) throw invalidParameter(`${name} must be given once`)
      if (values) values.push(value.trim())
      else this.#values.set(name, [value.trim()])
    }
  }

  text(name: string): string | undefined {
    return this.#values.get(name)?.[0] || undefined
  }

  /** Every value of a parameter that may be repeated, blank ones left out. */
  all(name: string): string[] {
    return this.#values.get(name)?.filter((value) => value !== '') ?? []
  }

  /** Values of all parameters with this prefix, by the rest of their names; `undefined` when there are none. */
  group(prefix: string): Record<string, string> | undefined {
    const found = [...this.#values]
      .map(([name, [value = '']]) => [name, value] as const)
      .filter(([name, value]) => name.startsWith(prefix) && name.length > prefix.length && value !== '')
      .map(([name, value]) => [name.slice(prefix.length), value] as const)
    return found.length > 0 ? Object.fromEntries(found) : undefined
  }

  /** @throws GatewayError `invalid_parameter` with the contract's text */
  integer(name: string, min: number, max: number): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const value = Number(text)
    if (!/^[-+]?\d+$/.test(text) || !Number.isSafeInteger(value))
      throw invalidParameter(`${name} must be an integer`)
    if (value < min) throw invalidParameter(`${name} must be >= ${min}`)
    if (value > max) throw invalidParameter(`${name} must be <= ${max}`)
    return value
  }

  /**
   * One of a set of words, whose case does not matter.
   *
   * @param wrong the contract's text for a value outside the set, where that names the set
   * @throws GatewayError `invalid_parameter`
   */
  oneOf<Word extends string>(name: string, words: readonly Word[], wrong?: string): Word | undefined {
    const value = this.text(name)?.toLowerCase()
    if (value === undefined) return undefined
    const word = words.find((one) => one === value)
    if (word !== undefined) return word
    throw invalidParameter(wrong ?? `invalid ${name}: ${quote(value)}; expected one of ${words.join(', ')}`)
  }

  /** Epoch microseconds of a bound of a range. @throws GatewayError `invalid_parameter`, with the contract's text first */
  time(name: 'from' | 'to', now: Now): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const value = parseBound(text, name, now)
    if (value === undefined) throw invalidParameter(`invalid ${name}: expected ${BOUND_FORMS}`)
    return value
  }

  /** The zone in which days, weeks and months begin. @throws GatewayError `invalid_parameter` */
  timeZone(): TimeZone {
    const name = this.text('time_zone')
    const zone = name === undefined ? UTC : timeZoneOf(name)
    if (!zone) {
      throw invalidParameter(
        `invalid time_zone: ${quote(name ?? '')}; expected a name of the IANA database such as Europe/Berlin`,
      )
    }
    return zone
  }
}

function requireKnown(name: string, known: readonly string[]): void {
  if (known.includes(name) && !name.endsWith('.')) return
  if (known.some((one) => one.endsWith('.') && name.startsWith(one) && name.length > one.length)) return
  const close = nearest(name, known)
  const hint =
    close !== undefined
      ? `; did you mean "${close.replace(/\.$/, '.<key>')}"?`
      : known.length === 0
        ? '; this route takes none'
        : `; known are ${known.map((one) => one.replace(/\.$/, '.<key>')).join(', ')}`
  throw new GatewayError('unknown_parameter', `unknown parameter ${quote(name)}${hint}`)
}

/** A value of a parameter that it may not have. */
export function invalidParameter(message: string): GatewayError {
  return new GatewayError('invalid_parameter', message)
}

/** @throws GatewayError `bad_request` for a text that no database takes */
export function requireStorable(text: string, name: string): void {
  if (!isStorable(text)) throw badRequest(`${name} must not hold a NUL character`)
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}
