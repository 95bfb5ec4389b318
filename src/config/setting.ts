/** How one setting is read, shown and documented. Names are the file's own (snake_case). */
export type Setting =
  | ({ readonly kind: 'string'; readonly default: string; readonly secret?: true } & Described)
  | ({ readonly kind: 'int'; readonly default: number } & Described)
  | ({ readonly kind: 'float'; readonly default: number } & Described)
  | ({ readonly kind: 'bool'; readonly default: boolean } & Described)
  | StringsSetting
  /** A mapping from free names to texts that are secrets. */
  | ({ readonly kind: 'texts'; readonly default: Readonly<Record<string, string>> } & Described)
  | Section
  | ListSetting
  | MapSetting

/** A list of texts. */
interface StringsSetting extends Described {
  readonly kind: 'strings'
  readonly default: readonly string[]
  /** The texts are numbers, which JSON writes as numbers. */
  readonly numbers?: true
  /** A program and its arguments. Arguments may hold secrets. */
  readonly command?: true
}

interface Described {
  /** One sentence for `docs/configuration.md` and the example file. */
  readonly doc: string
  /** Unit of a number, where it has one: `ms`, `bytes`, `USD`. */
  readonly unit?: string
}

/** A mapping with a fixed set of fields. */
export interface Section extends Described {
  readonly kind: 'section'
  /** Name that the original program prints in `field X not found in type T`. */
  readonly type: string
  readonly fields: Readonly<Record<string, Setting>>
}

/** A list of sections. */
export interface ListSetting extends Described {
  readonly kind: 'list'
  readonly item: Section
  /** The list that documents the same fields. */
  readonly sameAs?: string
}

/** A mapping from free names to sections. `presets` exist unless the file changes them. */
export interface MapSetting extends Described {
  readonly kind: 'map'
  readonly item: Section
  readonly presets: Readonly<Record<string, Readonly<Record<string, string>>>>
}

/** Converts a setting's name in the file to its name in `Config`: `body_max_size` → `bodyMaxSize`. */
function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
}

/** Settings whose member names the operator chooses. */
const FREE = ['providers', 'set']

/** Renames keys to `Config`'s spelling. Names that the operator chose stay. */
export function camelCased(value: unknown, own = false): unknown {
  if (Array.isArray(value)) return value.map((item) => camelCased(item))
  if (value === null || typeof value !== 'object') return value
  const entries = Object.entries(value).map(([name, inner]) => [
    own ? name : camelCase(name),
    camelCased(inner, !own && FREE.includes(name)),
  ])
  return Object.fromEntries(entries)
}

/** The values of a section under the names that they have in the file, in the order of its fields. */
export function snakeCased(
  fields: Readonly<Record<string, Setting>>,
  values: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const inner = (setting: Setting, value: unknown): unknown => {
    if (setting.kind === 'section') return snakeCased(setting.fields, value as Record<string, unknown>)
    if (setting.kind === 'list')
      return (value as Record<string, unknown>[]).map((item) => snakeCased(setting.item.fields, item))
    return value
  }
  return Object.fromEntries(
    Object.entries(fields).map(([name, setting]) => [name, inner(setting, values[camelCase(name)])]),
  )
}
