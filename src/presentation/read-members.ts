import { nearest } from '../wire/nearest.ts'
import type { Section, Setting } from '../config/setting.ts'
import { badRequest } from './bad-request.ts'

/** Members of an object of the JSON contract. */
export type Members = Readonly<Record<string, unknown>>

/**
 * Checks the members that an object has: each is known, and of the JSON type that it should have. `null` counts as absent.
 *
 * @param path of the object; empty for the body itself
 * @returns the members that exist; nested objects get defaults for missing members
 * @throws GatewayError `bad_request` that names the member
 */
export function readMembers(members: Members, { fields, type }: Section, path = ''): Record<string, unknown> {
  const read: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(members)) {
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined
    const full = path === '' ? name : `${path}.${name}`
    if (!field) {
      const close = nearest(name, Object.keys(fields))
      const hint = close === undefined ? '' : ` (did you mean ${path === '' ? '' : `${path}.`}${close}?)`
      throw invalid(`field ${name} not found in type ${type}${hint}`)
    }
    if (path !== '' || value !== null) read[name] = readValue(value, field, full)
  }
  return read
}

function readValue(value: unknown, field: Setting, path: string): unknown {
  switch (field.kind) {
    case 'string':
      if (typeof value === 'string') return value
      throw invalid(`${path} must be a string`)
    case 'int':
      if (Number.isSafeInteger(value)) return value
      throw invalid(`${path} must be an integer`)
    case 'float':
      if (typeof value === 'number' && Number.isFinite(value)) return value
      throw invalid(`${path} must be a number`)
    case 'bool':
      if (typeof value === 'boolean') return value
      throw invalid(`${path} must be true or false`)
    case 'strings': {
      const item = field.numbers ? 'number' : 'string'
      if (!Array.isArray(value) || value.some((one) => typeof one !== item))
        throw invalid(`${path} must be a list of ${item}s`)
      return value
    }
    case 'section':
      return readObject(value, field, path)
    case 'list':
      if (!Array.isArray(value)) throw invalid(`${path} must be a list of objects`)
      return value.map((item, i) => readObject(item, field.item, `${path}[${i}]`))
    case 'map':
    case 'texts':
      throw new Error('no body of the API holds a map')
    default:
      return field satisfies never
  }
}

/** A nested object: missing members get their defaults. */
function readObject(value: unknown, section: Section, path: string): Record<string, unknown> {
  return { ...defaultsOf(section), ...readMembers(objectOf(value, path), section, path) }
}

function objectOf(value: unknown, path: string): Members {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Members
  throw invalid(`${path} must be an object`)
}

function defaultsOf({ fields }: Section): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, defaultOf(field)]))
}

function defaultOf(field: Setting): unknown {
  if (field.kind === 'section') return defaultsOf(field)
  return field.kind === 'list' || field.kind === 'map' ? [] : field.default
}

function invalid(message: string): Error {
  return badRequest(`invalid json body: ${message}`)
}
