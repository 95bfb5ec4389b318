import { resolve } from 'node:path'
import {
  type Document,
  LineCounter,
  type Node,
  Scalar,
  YAMLMap,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  parseAllDocuments,
} from 'yaml'
import { isCredentialName } from '../redaction/credential-name.ts'
import { shownValue } from '../redaction/shown-value.ts'
import type { Environment } from './environment.ts'
import { tooDeepLine } from './nesting.ts'
import { resolveReferences } from './references.ts'
import { type Scalar as Read, quote, yamlBoolean, yamlFloat, yamlInteger } from './scalar.ts'
import type { Section, Setting } from './setting.ts'
import type { ReadText, SettingsDocument } from './settings-document.ts'
import { unknownSetting } from './unknown-setting.ts'
import { wrongScalar } from './wrong-scalar.ts'
import { holdsSecret, isNull, notSettings, shape, sourceOf, targetsOf } from './yaml-nodes.ts'
import { yamlProblem } from './yaml-problem.ts'

/**
 * Decodes a configuration file over the defaults. Strict: unknown and repeated keys are problems. In the original's
 * YAML dialect, null keeps the default, a list replaces, and `pii.mode: off` is a text.
 *
 * @param text the file; empty for none
 * @param environment resolves `${env:NAME}`; absent for texts from others, where it has no meaning
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
    syntax: [],
    problems: [],
    warnings: [],
    unresolved: [],
  }
  const tooDeep = tooDeepLine(text)
  if (tooDeep !== undefined) document.syntax.push({ line: tooDeep, message: 'nested too deeply' })
  const lines = new LineCounter()
  const parsed = parseAllDocuments(tooDeep === undefined ? text : '', {
    lineCounter: lines,
    schema: 'failsafe',
    version: '1.1',
    // The decoder finds it too, with the path and the first line.
    uniqueKeys: false,
  })
  const roots = Array.isArray(parsed) ? parsed : []

  const texts = text.split('\n')
  for (const error of roots.slice(0, 2).flatMap((root) => root.errors)) {
    const problem = yamlProblem(error, lines.linePos(error.pos[0]).line, texts)
    // Later problems on the same line follow from the first.
    if (document.syntax.at(-1)?.line !== problem.line) document.syntax.push(problem)
  }
  const second = roots[1]?.contents
  if (second && !isNull(second)) {
    const { line } = lines.linePos(roots[1]!.range[0])
    const message = 'multiple yaml documents are not supported; remove the line --- and what stands below it'
    document.syntax.push({ line, message })
  }

  const decoder = new Decoder(document, lines, readText, environment, roots[0])
  const contents = document.syntax.length > 0 ? undefined : roots[0]?.contents
  Object.assign(document.values, decoder.section(contents ?? undefined, schema, ''))
  return document
}

/** Largest number of followed aliases. A few lines of aliases can expand to billions. */
const MAX_ALIASES = 5000

/** The form of a list of sections. */
const LIST_HINT = 'begin each item with "- "'

/** An address with a password in it. */
const HOLDS_PASSWORD = /:\/\/[^/?#\s@:]*:[^/?#\s@]+@/

/** A setting in a section. `joined` is its value if it is given several times. */
interface Given {
  readonly key: Node
  value: Node
  joined?: YAMLMap
}

class Decoder {
  readonly #document: SettingsDocument
  readonly #lines: LineCounter
  readonly #readText: ReadText
  readonly #environment: Environment | undefined
  /** The node of each alias in the file. */
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
    const given = this.#pairs(node, schema, path)
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
        const given = this.#pairs(node, setting, path)
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
        if (!isSeq(node))
          return this.#wrong(
            node,
            `must be a list (got ${shape(node, holdsSecret(setting))}); ${LIST_HINT}`,
            path,
            [],
          )
        return node.items.map((item, i) =>
          this.section(this.#resolve(item as Node, path), setting.item, `${path}[${i}]`),
        )
      }
      case 'strings':
        return this.#strings(node, setting.default, path)
      case 'texts':
        return this.#texts(node, setting, path)
      case 'string':
        return this.#scalar(node, path, setting, setting.default, (text) => {
          const value = this.#referred(text, setting.secret === true, path)
          // The content of a variable is not in the file.
          if (value !== '' && value === text && (setting.secret || HOLDS_PASSWORD.test(text)))
            this.#document.inlineSecrets.push(path)
          return { value }
        })
      case 'int':
        return this.#scalar(node, path, setting, setting.default, yamlInteger)
      case 'float':
        return this.#scalar(node, path, setting, setting.default, yamlFloat)
      case 'bool':
        return this.#scalar(node, path, setting, setting.default, yamlBoolean)
      default:
        return setting satisfies never
    }
  }

  #strings(node: Node | undefined, fallback: readonly string[], path: string): string[] {
    this.#origin(node, path)
    if (!node) return [...fallback]
    if (isNull(node)) return []
    if (!isSeq(node)) {
      const hint = isScalar(node) ? `; write [${quote(sourceOf(node))}]` : ''
      return this.#wrong(node, `must be a list of texts (got ${shape(node)})${hint}`, path, [])
    }
    return node.items
      .map((item) => this.#resolve(item as Node, path))
      .flatMap((item) => (isNull(item) ? [] : [this.#referred(this.#text(item, path), false, path)]))
  }

  #texts(node: Node | undefined, setting: Setting, path: string): Record<string, string> {
    const values: Record<string, string> = {}
    if (!node || isNull(node)) this.#origin(undefined, path)
    for (const [name, { value }] of this.#pairs(node, setting, path)) {
      const at = join(path, shownValue(name))
      values[name] = this.#scalar(value, at, setting, '', (text) => {
        const resolved = this.#referred(text, true, at)
        if (resolved === text && isCredentialName(name)) this.#document.inlineSecrets.push(at)
        return { value: resolved }
      })
    }
    return values
  }

  #scalar<T>(
    node: Node | undefined,
    path: string,
    setting: Setting,
    fallback: T,
    read: (text: string, quoted: boolean) => Read<T>,
  ): T {
    if (!node || isNull(node)) {
      this.#document.origins.set(path, { kind: 'default' })
      return fallback
    }
    this.#origin(node, path)
    if (!isScalar(node)) {
      const secret = setting.kind === 'string' && setting.secret === true
      return this.#wrong(node, `must be a single value (got ${shape(node, secret)})`, path, fallback)
    }
    const [text, quoted] = [sourceOf(node), node.type !== 'PLAIN']
    const result = read(text, quoted)
    if ('expected' in result) {
      const unit = 'unit' in setting ? setting.unit : undefined
      return this.#wrong(node, wrongScalar({ expected: result.expected, unit, text, quoted }), path, fallback)
    }
    const plain = Number(text.replaceAll('_', ''))
    if (setting.kind === 'int' && !Number.isNaN(plain) && plain !== (result.value as number)) {
      const message = `${path}: ${text} is read as ${String(result.value)}; write ${String(result.value)} if that is meant`
      this.#document.warnings.push({ line: this.#line(node), path, message })
    }
    return result.value
  }

  #text(node: Node, path: string): string {
    if (isScalar(node)) return sourceOf(node)
    return this.#wrong(node, `must be a text (got ${shape(node)})`, path, '')
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
      return this.#wrong(node, `cannot be read: ${fileProblem(file, error)}`, path, fallback)
    }
  }

  /** A text with its references resolved. Unchanged if that fails. */
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

  #pairs(node: Node | undefined, setting: Setting, path: string): Map<string, Given> {
    const pairs = new Map<string, Given>()
    if (!node || isNull(node)) return pairs
    if (path !== '') this.#origin(node, path)
    if (!isMap(node)) {
      this.#wrong(node, notSettings(node, setting, path), path, undefined)
      return pairs
    }
    const merged: Node[] = []
    for (const pair of node.items) {
      const key = pair.key as Node
      const name = isScalar(key) ? sourceOf(key) : String(key)
      const value = this.#resolve(pair.value as Node, join(path, shownValue(name)))
      const first = pairs.get(name)
      if (name === '<<') merged.push(...(isSeq(value) ? (value.items as Node[]) : [value]))
      else if (first) this.#repeated(join(path, shownValue(name)), first, { key, value })
      else pairs.set(name, { key, value })
    }
    // A mapping's own members override merged ones.
    for (const source of merged) {
      for (const [name, pair] of this.#pairs(this.#resolve(source, path), setting, path)) {
        if (!pairs.has(name)) pairs.set(name, pair)
      }
    }
    return pairs
  }

  /** Reports a repeated setting. A second section is read together with the first, because it may be wrong too. */
  #repeated(path: string, first: Given, { key, value }: Given): void {
    const hint = isMap(value) ? 'put its settings under one' : 'keep one of them'
    this.#wrong(key, `is given twice, first on line ${this.#line(first.key)}; ${hint}`, path, undefined)
    if (!isMap(value) || !isMap(first.value)) return
    // A copy, because an alias may read the section again.
    first.joined ??= Object.assign(new YAMLMap(), {
      items: [...first.value.items],
      range: first.value.range,
    })
    for (const item of value.items) first.joined.items.push(item)
    first.value = first.joined
  }

  /** What an alias stands for. */
  #resolve(node: Node, path: string): Node {
    if (!isAlias(node)) return node
    this.#followed += 1
    if (this.#followed <= MAX_ALIASES) {
      const target = this.#targets.get(node)
      if (target) return target
      const message = 'must stand in quotes, for it begins with * (an anchor of this name is not there)'
      return this.#wrong(node, message, path, new Scalar(null))
    }
    if (this.#followed === MAX_ALIASES + 1) {
      const message = `aliases stand for too much: more than ${MAX_ALIASES} were followed up to *${node.source}`
      this.#document.problems.push({ line: this.#line(node), message })
    }
    return new Scalar(null)
  }

  #unknown(name: string, key: Node, schema: Section, path: string): void {
    const { message, meant } = unknownSetting(name, schema, path)
    this.#document.problems.push({
      line: this.#line(key),
      path: join(path, shownValue(name)),
      message,
      meant,
    })
  }

  #origin(node: Node | undefined, path: string): void {
    this.#document.origins.set(path, node ? { kind: 'file', line: this.#line(node) } : { kind: 'default' })
  }

  #wrong<T>(node: Node, message: string, path: string, fallback: T): T {
    this.#document.problems.push({
      line: this.#line(node),
      path,
      message: `${path || 'the file'} ${message}`,
    })
    return fallback
  }

  #line(node: Node): number {
    return node.range ? this.#lines.linePos(node.range[0]).line : 1
  }
}

function withDefaults(section: Section, defaults: Readonly<Record<string, string>>): Section {
  const fields: Record<string, Setting> = { ...section.fields }
  for (const [name, value] of Object.entries(defaults)) {
    const field = fields[name]
    if (field?.kind === 'string') fields[name] = { ...field, default: value }
  }
  return { ...section, fields }
}

function fileProblem(file: string, error: unknown): string {
  const { code } = error as NodeJS.ErrnoException
  if (file.startsWith('~')) return `~ is not expanded here; write \${env:HOME}${file.slice(1)}`
  if (code === 'ENOENT') return `there is no file ${quote(resolve(file))}`
  if (code === 'EISDIR') return `${quote(file)} is a folder`
  if (code === 'EACCES') return `this user may not read ${quote(file)}`
  return error instanceof Error ? error.message : String(error)
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`
}
