import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { COMMANDS } from '../../src/cli/run.ts'
import { OVERRIDES } from '../../src/config/environment.ts'
import type { Setting } from '../../src/config/setting.ts'
import { SETTINGS } from '../../src/config/settings.ts'
import { STATUS_OF } from '../../src/errors.ts'

/** Everything that users and their scripts build on; `docs/compatibility.md` says what is promised of it. */
export interface Contracts {
  /** `openapi.yaml`. */
  readonly api: Schema
  /** `docs/contracts.yaml`. */
  readonly output: Schema
  /** By path, `server.port`; fields of lists and maps behind `[]` and `*`. */
  readonly settings: Readonly<Record<string, { readonly kind: string; readonly default: unknown }>>
  /** Variables and the settings that they are. */
  readonly variables: Readonly<Record<string, string>>
  /** Commands and their flags' types. */
  readonly commands: Readonly<Record<string, Readonly<Record<string, string>>>>
  /** Codes of errors and their statuses. */
  readonly errors: Readonly<Record<string, number>>
}

type Schema = Readonly<Record<string, unknown>>

const ROOT = join(import.meta.dir, '../..')

/** Those of this checkout. */
export function presentContracts(): Contracts {
  const read = (path: string): Schema => parse(readFileSync(join(ROOT, path), 'utf8')) as Schema
  return {
    api: read('openapi.yaml'),
    output: read('docs/contracts.yaml'),
    settings: Object.fromEntries(flat('', SETTINGS)),
    variables: Object.fromEntries(OVERRIDES.map(({ variable, path }) => [variable, path])),
    commands: Object.fromEntries(
      COMMANDS.map(({ name, flags }) => [
        name,
        Object.fromEntries(flags.map((flag) => [flag.name, flag.type])),
      ]),
    ),
    errors: STATUS_OF,
  }
}

function flat(path: string, setting: Setting): [string, { kind: string; default: unknown }][] {
  switch (setting.kind) {
    case 'section':
      return Object.entries(setting.fields).flatMap(([name, field]) =>
        flat(path === '' ? name : `${path}.${name}`, field),
      )
    case 'list':
      return flat(`${path}[]`, setting.item)
    case 'map':
      return flat(`${path}.*`, setting.item)
    default:
      return [[path, { kind: setting.kind, default: setting.default }]]
  }
}

/** What of an earlier version's contracts no longer holds, one sentence each; empty when all does. */
export function breaks(before: Contracts, now: Contracts): string[] {
  return [
    ...changed('setting', before.settings, now.settings),
    ...changed('variable', before.variables, now.variables),
    ...changed('error', before.errors, now.errors),
    ...Object.entries(before.commands).flatMap(([name, flags]) =>
      now.commands[name]
        ? changed(`flag of ${name}`, flags, now.commands[name])
        : [`command ${name} is gone`],
    ),
    ...apiBreaks(before.api, now.api),
    ...Object.entries(before.output['contracts'] as Schema).flatMap(([name, schema]) => {
      const next = (now.output['contracts'] as Schema)[name]
      if (next === undefined) return [`output ${name} is gone`]
      return given(name, [schema, outputResolver(before)], [next, outputResolver(now)])
    }),
  ]
}

function changed(what: string, before: Schema, now: Schema): string[] {
  return Object.entries(before).flatMap(([name, value]) => {
    if (!(name in now)) return [`${what} ${name} is gone`]
    return Bun.deepEquals(value, now[name])
      ? []
      : [`${what} ${name} was ${JSON.stringify(value)} and is ${JSON.stringify(now[name])}`]
  })
}

type Resolver = (schema: unknown) => Schema
type Located = readonly [schema: unknown, resolve: Resolver]

/** Follows references within a document, and adds up what `allOf` says. */
function resolver(find: (reference: string) => unknown): Resolver {
  const resolve: Resolver = (schema) => {
    const { $ref: reference, allOf, ...own } = schema as Schema & { $ref?: string; allOf?: unknown[] }
    const parts = [...(reference === undefined ? [] : [find(reference)]), ...(allOf ?? [])].map(resolve)
    return parts.reduce<Schema>(
      (sum, part) => ({
        ...part,
        ...sum,
        properties: { ...(part['properties'] as Schema), ...(sum['properties'] as Schema) },
        required: [...listed(part['required']), ...listed(sum['required'])],
      }),
      own,
    )
  }
  return resolve
}

const at = (document: Schema, pointer: string): unknown =>
  pointer
    .split('/')
    .slice(1)
    .reduce<unknown>((value, name) => (value as Schema)[name], document)

const apiResolver = (api: Schema): Resolver => resolver((reference) => at(api, reference.slice(1)))

function outputResolver({ api, output }: Contracts): Resolver {
  const inApi = apiResolver(api)
  return resolver((reference) =>
    reference.startsWith('openapi.yaml#')
      ? inApi({ $ref: reference.slice('openapi.yaml'.length) })
      : at(reference.startsWith('#/$defs') ? output : api, reference.slice(1)),
  )
}

function apiBreaks(before: Schema, now: Schema): string[] {
  const [resolveBefore, resolveNow] = [apiResolver(before), apiResolver(now)]
  const paths = (document: Schema): [string, Schema][] =>
    Object.entries(document['paths'] as Record<string, Schema>).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]): [string, Schema] => [
        `${method.toUpperCase()} ${path}`,
        operation as Schema,
      ]),
    )
  const present = new Map(paths(now))
  return paths(before).flatMap(([route, operation]) => {
    const next = present.get(route)
    if (!next) return [`${route} is gone`]
    const parameters = (of: Schema, resolve: Resolver): Map<string, Schema> =>
      new Map(
        ((of['parameters'] ?? []) as unknown[]).map((one) => {
          const parameter = resolve(one)
          return [`${String(parameter['in'])} ${String(parameter['name'])}`, parameter]
        }),
      )
    const [old, own] = [parameters(operation, resolveBefore), parameters(next, resolveNow)]
    const responses = Object.entries(operation['responses'] as Schema).flatMap(([status, response]) => {
      const schema = contentOf(resolveBefore(response))
      const answer = (next['responses'] as Schema)[status]
      if (answer === undefined) return [`${route}: answer ${status} is gone`]
      if (schema === undefined) return []
      const nextSchema = contentOf(resolveNow(answer))
      if (nextSchema === undefined) return [`${route}: the content of ${status} is gone`]
      return given(`${route} ${status}`, [schema, resolveBefore], [nextSchema, resolveNow])
    })
    const [body, nextBody] = [operation, next].map((of) => of['requestBody'])
    return [
      ...[...old].flatMap(([name, parameter]) => {
        const same = own.get(name)
        if (!same) return [`${route}: parameter ${name} is gone`]
        return taken(`${route} ${name}`, [parameter['schema'], resolveBefore], [same['schema'], resolveNow])
      }),
      ...[...own].flatMap(([name, parameter]) =>
        parameter['required'] === true && old.get(name)?.['required'] !== true
          ? [`${route}: parameter ${name} must be given now`]
          : [],
      ),
      ...(body === undefined
        ? []
        : taken(
            `${route} content`,
            [contentOf(resolveBefore(body)), resolveBefore],
            [nextBody === undefined ? {} : contentOf(resolveNow(nextBody)), resolveNow],
          )),
      ...responses,
    ]
  })
}

function contentOf(part: Schema): unknown {
  const content = part['content'] as Record<string, Schema> | undefined
  return content?.['application/json']?.['schema']
}

/** Of what is given out: every member stays, as it was. More members and more words of an enumeration may come. */
function given(place: string, [before, resolveBefore]: Located, [now, resolveNow]: Located): string[] {
  const [old, next] = [resolveBefore(before), resolveNow(now)]
  const kinds = typesOf(old)
  const strange = kinds.length === 0 ? [] : typesOf(next).filter((kind) => !kinds.includes(kind))
  const [properties, present] = [old, next].map((one) => (one['properties'] ?? {}) as Schema) as [
    Schema,
    Schema,
  ]
  const needed = listed(next['required'])
  return [
    ...strange.map((kind) => `${place} may be ${kind} now`),
    ...listed(old['required']).flatMap((name) =>
      needed.includes(name) ? [] : [`${place}.${name} may be absent now`],
    ),
    ...Object.entries(properties).flatMap(([name, schema]) =>
      name in present
        ? given(`${place}.${name}`, [schema, resolveBefore], [present[name], resolveNow])
        : [`${place}.${name} is gone`],
    ),
    ...inner(place, old, next, (a, b, where) => given(where, [a, resolveBefore], [b, resolveNow])),
  ]
}

/** Of what is taken in: what was right stays right. */
function taken(place: string, [before, resolveBefore]: Located, [now, resolveNow]: Located): string[] {
  const [old, next] = [resolveBefore(before ?? {}), resolveNow(now ?? {})]
  const kinds = typesOf(next)
  const [properties, present] = [old, next].map((one) => (one['properties'] ?? {}) as Schema) as [
    Schema,
    Schema,
  ]
  const words = listed(next['enum'])
  const needed = listed(old['required'])
  return [
    ...(kinds.length === 0 ? [] : typesOf(old).filter((kind) => !kinds.includes(kind))).map(
      (kind) => `${place} may not be ${kind} any more`,
    ),
    ...(words.length === 0 ? [] : listed(old['enum']).filter((word) => !words.includes(word))).map(
      (word) => `${place} may not be "${word}" any more`,
    ),
    ...listed(next['required']).flatMap((name) =>
      needed.includes(name) ? [] : [`${place}.${name} must be given now`],
    ),
    ...Object.entries(properties).flatMap(([name, schema]) =>
      name in present
        ? taken(`${place}.${name}`, [schema, resolveBefore], [present[name], resolveNow])
        : [`${place}.${name} is not taken any more`],
    ),
    ...inner(place, old, next, (a, b, where) => taken(where, [a, resolveBefore], [b, resolveNow])),
  ]
}

function inner(
  place: string,
  old: Schema,
  next: Schema,
  compare: (a: unknown, b: unknown, where: string) => string[],
): string[] {
  return ['items', 'additionalProperties'].flatMap((name) =>
    typeof old[name] === 'object' && typeof next[name] === 'object'
      ? compare(old[name], next[name], `${place}[]`)
      : [],
  )
}

function typesOf(schema: Schema): string[] {
  return listed(
    schema['type'] ?? (schema['enum'] === undefined && schema['const'] === undefined ? [] : 'string'),
  )
}

function listed(value: unknown): string[] {
  if (value === undefined) return []
  return Array.isArray(value) ? value.map(String) : [value as string]
}
