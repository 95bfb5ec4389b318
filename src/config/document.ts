import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseAllDocuments,
  Scalar,
  visit,
  type Alias,
  type Document,
  type Node,
} from 'yaml'
import { isCredentialName } from '../redaction/credential-name.ts'
import { shownValue } from '../redaction/shown-value.ts'
import type { Environment } from './environment.ts'
import { nearest } from './nearest.ts'
import { resolveReferences } from './references.ts'
import { tooDeepLine } from './nesting.ts'
import { yamlBoolean, yamlFloat, yamlInteger } from './scalar.ts'
import type { Section, Setting } from './setting.ts'

/** Where an effective value comes from. `line` is 1-based. */
export type Origin =
  | { readonly kind: 'default' }
  | {
      readonly kind: 'file'
      readonly line: number
      /** Variables that the file refers to there. */
      readonly variables?: readonly string[]
    }
  | { readonly kind: 'environment'; readonly variable: string }

/** Something wrong with the settings. `path` is dotted (`auth.keys[0].token`), `line` 1-based, each absent when unknown. */
export interface Problem {
  readonly message: string
  readonly path?: string
  readonly line?: number
}

/** The settings as plain values under the file's own names, with the origin of every leaf by path. */
export interface SettingsDocument {
  readonly values: Record<string, unknown>
  readonly origins: Map<string, Origin>
  /** Paths of secrets that stand in the file itself. */
  readonly inlineSecrets: string[]
  /** Files that secrets were read from. */
  readonly secretFiles: string[]
  readonly problems: Problem[]
  /** References to variables that could not be resolved, which only minds who needs the value. */
  readonly unresolved: Problem[]
}

/** Reads a text file; throws when it cannot. Used for `<field>_file`. */
export type ReadText = (path: string) => string

/**
 * Decodes a configuration file into the defaults: strict (unknown and repeated keys are problems), in the
 * original's YAML dialect (`spec` of its settings: null keeps the default, a list replaces, `pii.mode: off` is a text).
 *
 * @param text the file; empty for none
 * @param environment what `${env:NAME}` is resolved from; absent for texts of others, in which it means nothing
 * @returns all problems at once, never throws
 */
export function decodeSettings(
  text: string,
  schema: Section,
  readText: ReadText,
  environment?: Environment,
): SettingsDocument {
  const document: SettingsDocument = {
    values: {},
    origins: new Map(),
    inlineSecrets: [],
    secretFiles: [],
    problems: [],
    unresolved: [],
  }
  const tooDeep = tooDeepLine(text)
  if (tooDeep !== undefined) document.problems.push({ line: tooDeep, message: 'nested too deeply' })
  const lines = new LineCounter()
  const parsed = parseAllDocuments(tooDeep === undefined ? text : '', {
    lineCounter: lines,
    schema: 'failsafe',
    version: '1.1',
  })
  const roots = Array.isArray(parsed) ? parsed : []

  for (const root of roots.slice(0, 2)) {
    for (const error of root.errors) {
      const line = lines.linePos(error.pos[0]).line
      const repeated = error.code === 'DUPLICATE_KEY'
      const message = repeated ? 'mapping key is already defined' : (error.message.split('\n')[0] ?? '')
      document.problems.push({
        line,
        message: withoutSource(message.replace(/ at line \d+, column \d+:?$/, '')),
      })
    }
  }
  const second = roots[1]?.contents
  if (second && !isNull(second))
    document.problems.push({ message: 'multiple yaml documents are not supported' })

  const decoder = new Decoder(document, lines, readText, environment, roots[0])
  const contents = document.problems.length > 0 ? undefined : roots[0]?.contents
  Object.assign(document.values, decoder.section(contents ?? undefined, schema, ''))
  return document
}

/** Aliases that are followed at most, each time that one is met: a few lines of aliases can stand for billions. */
const MAX_ALIASES = 5000

/** An address with a password in it. */
const HOLDS_PASSWORD = /:\/\/[^/?#\s@:]*:[^/?#\s@]+@/

class Decoder {
  readonly #document: SettingsDocument
  readonly #lines: LineCounter
  readonly #readText: ReadText
  readonly #environment: Environment | undefined
  /** What each alias of the file stands for. */
  readonly #targets: ReadonlyMap<Node, Node>
  #followed = 0

  constructor(
    document: SettingsDocument,
    lines: LineCounter,
    readText: ReadText,
    environment: Environment | undefined,
    source: Document | undefined,
  ) {
    this.#targets = source ? targetsOf(source) : new Map()
    this.#environment = environment
    this.#document = document
    this.#lines = lines
    this.#readText = readText
  }

  section(node: Node | undefined, schema: Section, path: string): Record<string, unknown> {
    const values: Record<string, unknown> = {}
    const given = this.#pairs(node, schema.type, path, holdsSecret(schema))
    for (const [name, setting] of Object.entries(schema.fields)) {
      values[name] = this.#value(given.get(name)?.value, setting, join(path, name))
      given.delete(name)
    }
    for (const [name, setting] of Object.entries(schema.fields)) {
      if (setting.kind !== 'string' || setting.secret !== true) continue
      const file = given.get(`${name}_file`)
      if (!file) continue
      given.delete(`${name}_file`)
      values[name] = this.#secretFromFile(file.value, join(path, `${name}_file`), values[name])
    }
    for (const [name, { key }] of given) this.#unknown(name, key, schema, path)
    return values
  }

  #value(node: Node | undefined, setting: Setting, path: string): unknown {
    switch (setting.kind) {
      case 'section':
        return this.section(node, setting, path)
      case 'map': {
        const given = this.#pairs(node, 'map', path, holdsSecret(setting.item))
        const names = new Set([...Object.keys(setting.presets), ...given.keys()])
        const values: Record<string, unknown> = {}
        for (const name of names) {
          const preset = setting.presets[name]
          const fields = preset ? withDefaults(setting.item, preset) : setting.item
          values[name] = this.section(given.get(name)?.value, fields, join(path, name))
        }
        return values
      }
      case 'list': {
        this.#origin(node, path)
        if (!node || isNull(node)) return []
        if (!isSeq(node)) {
          const message = `cannot unmarshal ${shape(node, holdsSecret(setting))} into list`
          return this.#wrong(node, message, path, [])
        }
        return node.items.map((item, i) =>
          this.section(this.#resolve(item as Node), setting.item, `${path}[${i}]`),
        )
      }
      case 'strings': {
        this.#origin(node, path)
        if (!node) return [...setting.default]
        if (isNull(node)) return []
        if (!isSeq(node)) return this.#wrong(node, `cannot unmarshal ${shape(node)} into []string`, path, [])
        return node.items
          .map((item) => this.#resolve(item as Node))
          .flatMap((item) => (isNull(item) ? [] : [this.#referred(this.#text(item, path), false, path)]))
      }
      case 'texts': {
        const values: Record<string, string> = {}
        if (!node || isNull(node)) this.#origin(undefined, path)
        for (const [name, { value }] of this.#pairs(node, 'map[string]string', path, true)) {
          const at = join(path, shownValue(name))
          values[name] = this.#scalar(value, at, '', (text) => {
            const resolved = this.#referred(text, true, at)
            if (resolved === text && isCredentialName(name)) this.#document.inlineSecrets.push(at)
            return { value: resolved }
          })
        }
        return values
      }
      case 'string':
        return this.#scalar(node, path, setting.default, (text) => {
          const value = this.#referred(text, setting.secret === true, path)
          // What a variable holds does not stand in the file.
          if (value !== '' && value === text && (setting.secret || HOLDS_PASSWORD.test(text)))
            this.#document.inlineSecrets.push(path)
          return { value }
        })
      case 'int':
        return this.#scalar(node, path, setting.default, yamlInteger)
      case 'float':
        return this.#scalar(node, path, setting.default, yamlFloat)
      case 'bool':
        return this.#scalar(node, path, setting.default, yamlBoolean)
      default:
        return setting satisfies never
    }
  }

  #scalar<T>(
    node: Node | undefined,
    path: string,
    fallback: T,
    read: (text: string, quoted: boolean) => { value: T } | { problem: string },
  ): T {
    if (!node || isNull(node)) {
      this.#document.origins.set(path, { kind: 'default' })
      return fallback
    }
    this.#origin(node, path)
    const into = typeof fallback === 'number' ? 'int' : typeof fallback === 'boolean' ? 'bool' : 'string'
    if (!isScalar(node))
      return this.#wrong(node, `cannot unmarshal ${shape(node)} into ${into}`, path, fallback)
    const result = read(sourceOf(node), node.type !== 'PLAIN')
    return 'value' in result ? result.value : this.#wrong(node, result.problem, path, fallback)
  }

  #text(node: Node, path: string): string {
    if (isScalar(node)) return sourceOf(node)
    return this.#wrong(node, `cannot unmarshal ${shape(node)} into string`, path, '')
  }

  #secretFromFile(node: Node, path: string, fallback: unknown): unknown {
    this.#origin(node, path.replace(/_file$/, ''))
    const unresolved = this.#document.unresolved.length
    const file = this.#referred(this.#text(node, path), false, path.replace(/_file$/, ''))
    if (this.#document.unresolved.length > unresolved) return fallback
    this.#document.secretFiles.push(file)
    try {
      return this.#readText(file).trim()
    } catch (error) {
      return this.#wrong(
        node,
        `${path}: ${error instanceof Error ? error.message : String(error)}`,
        path,
        fallback,
      )
    }
  }

  /** A text with its references resolved; as it is where that cannot be. */
  #referred(text: string, secret: boolean, path: string): string {
    if (!this.#environment) return text
    const resolved = resolveReferences(text, secret, this.#environment)
    const { origins, unresolved } = this.#document
    const origin = origins.get(path)
    if (resolved.kind === 'problem') {
      unresolved.push({ path, message: `${path}: ${resolved.problem}` })
      return text
    }
    if (resolved.variables.length > 0 && origin?.kind === 'file') {
      origins.set(path, { ...origin, variables: [...(origin.variables ?? []), ...resolved.variables] })
    }
    return resolved.text
  }

  #pairs(
    node: Node | undefined,
    type: string,
    path: string,
    secret: boolean,
  ): Map<string, { key: Node; value: Node }> {
    const pairs = new Map<string, { key: Node; value: Node }>()
    if (!node || isNull(node)) return pairs
    if (!isMap(node)) {
      this.#wrong(node, `cannot unmarshal ${shape(node, secret)} into ${type}`, path, undefined)
      return pairs
    }
    const merged: Node[] = []
    for (const pair of node.items) {
      const key = pair.key as Node
      const name = isScalar(key) ? sourceOf(key) : String(key)
      const value = this.#resolve(pair.value as Node)
      if (name === '<<') merged.push(...(isSeq(value) ? (value.items as Node[]) : [value]))
      else pairs.set(name, { key, value })
    }
    // What a mapping says itself wins over what it merges.
    for (const source of merged) {
      for (const [name, pair] of this.#pairs(this.#resolve(source), type, path, secret)) {
        if (!pairs.has(name)) pairs.set(name, pair)
      }
    }
    return pairs
  }

  /** What an alias stands for. */
  #resolve(node: Node): Node {
    if (!isAlias(node)) return node
    this.#followed += 1
    if (this.#followed <= MAX_ALIASES) return this.#targets.get(node) ?? node
    if (this.#followed === MAX_ALIASES + 1) {
      const message = `aliases stand for too much: more than ${MAX_ALIASES} were followed up to *${node.source}`
      this.#document.problems.push({ line: this.#line(node), message })
    }
    return new Scalar(null)
  }

  #unknown(name: string, key: Node, schema: Section, path: string): void {
    const close = nearest(name, Object.keys(schema.fields))
    const hint = close ? ` (did you mean ${join(path, close)}?)` : ''
    this.#wrong(
      key,
      `field ${shownValue(name)} not found in type ${schema.type}${hint}`,
      join(path, shownValue(name)),
      undefined,
    )
  }

  #origin(node: Node | undefined, path: string): void {
    this.#document.origins.set(path, node ? { kind: 'file', line: this.#line(node) } : { kind: 'default' })
  }

  #wrong<T>(node: Node, message: string, path: string, fallback: T): T {
    this.#document.problems.push({ line: this.#line(node), path, message })
    return fallback
  }

  #line(node: Node): number {
    return node.range ? this.#lines.linePos(node.range[0]).line : 1
  }
}

/** What the aliases of a document stand for: what had the name last, before them. */
function targetsOf(document: Document): Map<Alias, Node> {
  const targets = new Map<Alias, Node>()
  const named = new Map<string, Node>()
  visit(document, {
    Node(_, node) {
      if (!isAlias(node)) {
        if (node.anchor !== undefined) named.set(node.anchor, node)
        return
      }
      const target = named.get(node.source)
      if (target) targets.set(node, target)
    },
  })
  return targets
}

function withDefaults(section: Section, defaults: Readonly<Record<string, string>>): Section {
  const fields: Record<string, Setting> = { ...section.fields }
  for (const [name, value] of Object.entries(defaults)) {
    const field = fields[name]
    if (field?.kind === 'string') fields[name] = { ...field, default: value }
  }
  return { ...section, fields }
}

function sourceOf(node: Scalar): string {
  return typeof node.value === 'string' ? node.value : (node.source ?? String(node.value))
}

function isNull(node: Node): boolean {
  if (!isScalar(node)) return false
  if (node.type !== undefined && node.type !== 'PLAIN') return false
  return ['', '~', 'null', 'Null', 'NULL'].includes(sourceOf(node))
}

/** What a node is. @param secret its text may be one that stands in the wrong place */
function shape(node: Node, secret = false): string {
  if (isMap(node)) return '!!map'
  if (isSeq(node)) return '!!seq'
  if (!isScalar(node) || (secret && !/^\d{1,5}$/.test(sourceOf(node)))) return '!!str'
  return `!!str \`${shownValue(sourceOf(node))}\``
}

function holdsSecret(setting: Setting): boolean {
  if (setting.kind === 'section') return Object.values(setting.fields).some((field) => holdsSecret(field))
  if (setting.kind === 'list' || setting.kind === 'map') return holdsSecret(setting.item)
  return setting.kind === 'texts' || (setting.kind === 'string' && setting.secret === true)
}

/** The parser's message without the part of the file that it quotes behind its colon, which may be a secret. */
function withoutSource(message: string): string {
  return message.replace(/(?<! ): .*$/s, '')
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`
}
