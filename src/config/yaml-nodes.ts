import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  visit,
  type Alias,
  type Document,
  type Node,
  type Scalar,
} from 'yaml'
import { quote } from './scalar.ts'
import type { Setting } from './setting.ts'

/** The node that each alias of a document stands for: the last one with its name before it. */
export function targetsOf(document: Document): Map<Alias, Node> {
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

/** The text of a scalar as the file has it. */
export function sourceOf(node: Scalar): string {
  return typeof node.value === 'string' ? node.value : (node.source ?? String(node.value))
}

/** Whether a node is a plain null: empty, `~` or `null`. */
export function isNull(node: Node): boolean {
  if (!isScalar(node)) return false
  if (node.type !== undefined && node.type !== 'PLAIN') return false
  return ['', '~', 'null', 'Null', 'NULL'].includes(sourceOf(node))
}

/** What a node is, for messages. @param secret whether its text may be a secret in the wrong place, and is not shown */
export function shape(node: Node, secret = false): string {
  if (isMap(node)) return 'settings'
  if (isSeq(node)) return 'a list'
  if (!isScalar(node) || (secret && !/^\d{1,5}$/.test(sourceOf(node)))) return 'a text'
  return quote(sourceOf(node))
}

/** The message for a node that should hold settings, with a hint how to write them. */
export function notSettings(node: Node, setting: Setting, path: string): string {
  const got = shape(node, holdsSecret(setting))
  if (path === '')
    return `must hold settings (got ${got}); write "server:", and "  port: 8080" on the next line`
  const names =
    setting.kind === 'section'
      ? Object.keys(setting.fields)
      : setting.kind === 'map'
        ? Object.keys(setting.presets)
        : ['name']
  const begun = isScalar(node)
    ? names.find((name) => new RegExp(`^${name}\\b`).test(sourceOf(node)))
    : undefined
  const how = isSeq(node)
    ? ', indented and without "- "'
    : begun === undefined
      ? ' on a line below, indented'
      : ', with a colon and a space'
  return `must hold settings (got ${got}); write "${begun ?? names[0]}: …"${how}`
}

/** Whether a setting may hold a secret, itself or within. */
export function holdsSecret(setting: Setting): boolean {
  if (setting.kind === 'section') return Object.values(setting.fields).some((field) => holdsSecret(field))
  if (setting.kind === 'list' || setting.kind === 'map') return holdsSecret(setting.item)
  return setting.kind === 'texts' || (setting.kind === 'string' && setting.secret === true)
}
