import { isCredentialName } from '../redaction/credential-name.ts'
import { SUBPROTOCOL_FIELD } from './provider-credential.ts'

/** How a field's name classifies its values. */
export type FieldKind = 'credential' | 'url' | 'subprotocols' | 'text'

/** A header field's name, and what is stored of its values. */
export interface StoredName {
  /** Lower-case. */
  readonly name: string
  /** `x-api-key` → `X-Api-Key`. */
  readonly canonical: string
  readonly kind: FieldKind
  /** Its values are not stored. */
  readonly masked: boolean
}

/** Names in the order in which they came, as a path in a tree. */
interface Step {
  readonly next: Map<string, Step>
  /** All names up to here, sorted; absent until a message ended here. */
  sorted?: readonly StoredName[]
}

/** The same program sends the same fields in the same order. Bounded, so that made-up names cannot fill the memory. */
const MAX_STEPS = 2000

/** Sorts the names of header fields, and decides what is stored of each. */
export class FieldOrder {
  readonly #masked: readonly string[]
  #root: Step = { next: new Map() }
  #steps = 0

  /** @param masked lower-case names of fields whose values are not stored */
  constructor(masked: readonly string[]) {
    this.#masked = masked
  }

  /** The names of fields, sorted. @param fields lower-case names */
  sorted(fields: Readonly<Record<string, unknown>>): readonly StoredName[] {
    let step = this.#root
    for (const name in fields) step = step.next.get(name) ?? this.#grow(step, name)
    return (step.sorted ??= Object.keys(fields)
      .sort()
      .map((name) => this.#judge(name)))
  }

  #grow(step: Step, name: string): Step {
    const added: Step = { next: new Map() }
    if (this.#steps >= MAX_STEPS) {
      // Where this message stands now is not part of the new tree.
      this.#steps = 0
      this.#root = { next: new Map() }
      return added
    }
    this.#steps += 1
    step.next.set(name, added)
    return added
  }

  #judge(name: string): StoredName {
    const kind = kindOf(name)
    return {
      name,
      canonical: name.replace(/(^|-)[a-z]/g, (start) => start.toUpperCase()),
      kind,
      masked: kind === 'credential' || this.#masked.includes(name),
    }
  }
}

function kindOf(name: string): FieldKind {
  if (isCredentialName(name)) return 'credential'
  if (name === SUBPROTOCOL_FIELD) return 'subprotocols'
  return /(?:^|[-_])(?:link|location|path|referr?er|refresh|ur[il])$/.test(name) ? 'url' : 'text'
}
