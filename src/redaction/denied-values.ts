import type { JsonPlace } from '../wire/json/place.ts'

/** Members of a schema: what stands below describes values by name, and holds none. */
const SCHEMA_MEMBERS = ['properties', 'patternProperties', '$defs', 'definitions']

/** Names and places of members whose values are replaced whole. */
export class DeniedValues {
  readonly #names: ReadonlySet<string>
  readonly #paths: readonly (readonly string[])[]
  /** Names repeat from body to body, so the result of each is kept. */
  readonly #known = new Map<string, boolean>()

  /**
   * @param names matched whole; case, `-`, `_` and spaces do not matter
   * @param paths members and `[*]` for elements, `*` for any member: `messages[*].content`, `metadata.*`
   */
  constructor(names: readonly string[], paths: readonly string[]) {
    this.#names = new Set(names.map(plain).filter((name) => name !== ''))
    this.#paths = paths.map((path) => readPath(path)).filter((path) => path !== undefined)
  }

  /** Whether the value here is to be replaced whole; an empty string and `null` never are. @param kind of the value */
  has({ name, path }: JsonPlace, kind: 'string' | 'object' | 'array'): boolean {
    if (this.#paths.some((wanted) => leadsTo(wanted, path))) return true
    if (name === '' || !this.#isDenied(name)) return false
    // A tool's parameter may be called `email`; the object that says what it looks like is no address.
    if (kind === 'object' && SCHEMA_MEMBERS.includes(path.at(-2) ?? '')) return false
    return !isLogprob(path)
  }

  #isDenied(name: string): boolean {
    let denied = this.#known.get(name)
    if (denied === undefined) {
      denied = this.#names.has(plain(name))
      if (this.#known.size < MAX_KNOWN) this.#known.set(name, denied)
    }
    return denied
  }
}

/** How deep tokens stand in `logprobs`: `logprobs.content[].top_logprobs[].token`, and some to spare. */
const LOGPROB_DEPTH = 10

/** Whether this is a token of a response, among the tokens' probabilities. Looks only a few steps back, so that deep nesting costs no more. */
function isLogprob(path: readonly string[]): boolean {
  for (let i = path.length - 1; i >= Math.max(0, path.length - LOGPROB_DEPTH); i--) {
    if (path[i] === 'logprobs' || path[i] === 'top_logprobs') return true
  }
  return false
}

/** Member names that are remembered. */
const MAX_KNOWN = 5000

function plain(name: string): string {
  return name.replaceAll(/[-_ ]/g, '').trim().toLowerCase()
}

/** The steps of a path; `undefined` for what is none. */
export function readPath(path: string): string[] | undefined {
  const steps: string[] = []
  const form = /(?:^\$?|\.)?([^.[\]]+)|\[(?:\*|\d*)\]/gy
  const text = path.trim().replace(/^\$\.?/, '')
  while (form.lastIndex < text.length) {
    const step = form.exec(text)
    if (!step) return undefined
    steps.push(step[1] ?? '[]')
  }
  return steps.length > 0 ? steps : undefined
}

function leadsTo(wanted: readonly string[], path: readonly string[]): boolean {
  return (
    wanted.length === path.length &&
    wanted.every((step, i) => step === path[i] || (step === '*' && path[i] !== '[]'))
  )
}
