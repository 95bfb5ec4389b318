import { GatewayError } from '../errors.ts'
import { parseTime } from '../rfc3339.ts'
import { isStorable } from '../storage/storable-text.ts'

/**
 * Parameters of a query as the contract reads them: the first value of a name counts, values are trimmed, blank
 * means absent, and pairs that are malformed or hold a `;` are left out.
 */
export class QueryParameters {
  readonly #values = new Map<string, string[]>()

  /** @param query with `?`, or empty @throws GatewayError `bad_request` for one with a NUL, which nothing that is stored holds */
  constructor(query: string) {
    for (const pair of query.slice(1).split('&')) {
      if (pair === '' || pair.includes(';')) continue
      const equals = pair.indexOf('=')
      const name = decode(equals < 0 ? pair : pair.slice(0, equals))
      const value = decode(equals < 0 ? '' : pair.slice(equals + 1))
      if (name === undefined || value === undefined) continue
      requireStorable(name, 'a parameter')
      requireStorable(value, name)
      const values = this.#values.get(name)
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

  /** Values of all parameters whose name begins so, by the rest of their names; `undefined` when there are none. */
  group(prefix: string): Record<string, string> | undefined {
    const found = [...this.#values]
      .map(([name, [value = '']]) => [name, value] as const)
      .filter(([name, value]) => name.startsWith(prefix) && name.length > prefix.length && value !== '')
      .map(([name, value]) => [name.slice(prefix.length), value] as const)
    return found.length > 0 ? Object.fromEntries(found) : undefined
  }

  /** @throws GatewayError `bad_request` with the contract's text */
  integer(name: string, min: number, max: number): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const value = Number(text)
    if (!/^[-+]?\d+$/.test(text) || !Number.isSafeInteger(value))
      throw badRequest(`${name} must be an integer`)
    if (value < min) throw badRequest(`${name} must be >= ${min}`)
    if (value > max) throw badRequest(`${name} must be <= ${max}`)
    return value
  }

  /**
   * Epoch microseconds of a time or a day in UTC; a day as `to` means its end.
   *
   * @throws GatewayError `bad_request` with the contract's text
   */
  time(name: 'from' | 'to'): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const value = parseTimeOrDay(text, name)
    if (value === undefined) throw badRequest(`invalid ${name}: expected RFC3339 or YYYY-MM-DD`)
    return value
  }
}

/** Epoch microseconds of an RFC 3339 time or a UTC day; a day as `to` means its last microsecond. */
export function parseTimeOrDay(text: string, bound: 'from' | 'to'): number | undefined {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return parseTime(text)
  return parseTime(bound === 'from' ? `${text}T00:00:00Z` : `${text}T23:59:59.999999Z`)
}

/** @throws GatewayError `bad_request` for a text that no database takes */
export function requireStorable(text: string, name: string): void {
  if (!isStorable(text)) throw badRequest(`${name} must not hold a NUL character`)
}

/** What the caller did wrong, as the answer says it. */
export function badRequest(message: string): GatewayError {
  return new GatewayError('bad_request', message)
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}
