import type { ServedCall } from '../../providers/dialects/dialect.ts'
import { walkTopLevel } from '../../wire/json/spans.ts'

/** JSON as another call takes it, and the names of the members that were removed, added or given another value. */
export interface RewrittenMembers {
  readonly json: Uint8Array
  readonly changed: readonly string[]
}

/** A member at the top level: from its opening quote to the end of its value. */
interface Member {
  readonly name: string
  readonly at: number
  readonly start: number
  readonly end: number
}

/** Bytes that are replaced by a text. */
interface Edit {
  readonly start: number
  readonly end: number
  readonly text: string
}

/** The names that readers take for the member `model`. */
const MODEL_MEMBER = /^model$/iu

/**
 * JSON as a provider takes it at another call: without some members, with others, and with another value of `model` if it stays. No other
 * byte changes.
 *
 * @param json plain, without content coding
 * @param fields of the request; lower-case names
 * @param model what the provider calls the model
 * @returns the same bytes if they are no JSON object
 */
export function jsonForCall(
  json: Uint8Array,
  call: ServedCall,
  fields: Readonly<Record<string, string>>,
  model: string,
): RewrittenMembers {
  const members: Member[] = []
  const isWhole = walkTopLevel(json, (name, start, end, at) => members.push({ name, at, start, end }))
  const [first] = members
  if (!isWhole || !first) return { json, changed: [] }
  const isRemoved = ({ name }: Member): boolean =>
    call.without.includes(name) || (call.without.includes('model') && MODEL_MEMBER.test(name))
  const added = addedMembers(call, fields, members)
  const kept = members.filter((member) => !isRemoved(member))
  const named = kept.filter((member) => MODEL_MEMBER.test(member.name) && !says(json, member, model))
  const text = added.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')
  const edits: Edit[] = [
    ...(text === '' ? [] : [{ start: first.at, end: first.at, text: kept.length > 0 ? `${text},` : text }]),
    ...cuts(members, isRemoved),
    ...named.map(({ start, end }) => ({ start, end, text: JSON.stringify(model) })),
  ]
  const changed = [...members.filter(isRemoved), ...named].map(({ name }) => name)
  return {
    json:
      edits.length === 0
        ? json
        : edited(
            json,
            edits.toSorted((a, b) => a.start - b.start),
          ),
    changed: [...new Set([...changed, ...added.map(([name]) => name)])],
  }
}

/** Names and JSON of the members that the request lacks. */
function addedMembers(
  { with: constant, listsOf = {} }: ServedCall,
  fields: Readonly<Record<string, string>>,
  members: readonly Member[],
): readonly (readonly [name: string, json: string])[] {
  const lists = Object.entries(listsOf).flatMap(([name, field]) => {
    const values = (fields[field] ?? '')
      .split(',')
      .map((value) => value.trim())
      .filter((value) => value !== '')
    return values.length === 0 ? [] : [[name, JSON.stringify(values)] as const]
  })
  const constants = Object.entries(constant).map(([name, value]) => [name, JSON.stringify(value)] as const)
  return [...constants, ...lists].filter(([name]) => !members.some((member) => member.name === name))
}

/** The bytes of members that are removed, with the commas that are too many then. */
function cuts(members: readonly Member[], isRemoved: (member: Member) => boolean): Edit[] {
  const lastKept = members.findLastIndex((member) => !isRemoved(member))
  const cut = members.flatMap((member, i) =>
    i < lastKept && isRemoved(member) ? [{ start: member.at, end: members[i + 1]!.at, text: '' }] : [],
  )
  if (lastKept === members.length - 1) return cut
  const start = members[lastKept]?.end ?? members[0]!.at
  return [...cut, { start, end: members.at(-1)!.end, text: '' }]
}

function says(json: Uint8Array, { start, end }: Member, model: string): boolean {
  return Buffer.from(json.subarray(start, end)).toString('utf8') === JSON.stringify(model)
}

/** @param edits by their places, none within another */
function edited(json: Uint8Array, edits: readonly Edit[]): Uint8Array {
  const pieces: Uint8Array[] = []
  let from = 0
  for (const { start, end, text } of edits) {
    pieces.push(json.subarray(from, start), Buffer.from(text))
    from = end
  }
  return Buffer.concat([...pieces, json.subarray(from)])
}
