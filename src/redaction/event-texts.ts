import type { JsonObject } from '../wire/json/values.ts'
import { objectOf } from '../wire/json/values.ts'
import type { JsonPlace } from '../wire/json/place.ts'

/** Names of the members in which streams send text piece by piece. */
const TEXT_MEMBERS = [
  'content',
  'text',
  'delta',
  'partial_json',
  'arguments',
  'thinking',
  'reasoning_content',
  'reasoning',
  'refusal',
  'transcript',
  'input',
  'tool_plan',
]

/** How deep such members stand: `choices[].delta.tool_calls[].function.arguments`, and some to spare. */
const MAX_DEPTH = 16

/** Members of an event that name the text it belongs to, among several. */
const EVENT_IDS = ['output_index', 'index', 'content_index', 'summary_index', 'item_id']

/**
 * Which text a string of an event is a piece of, in the formats of Chat Completions, Responses, Messages, Gemini, Cohere and Ollama.
 *
 * @param event the whole event
 * @returns the text's name; `undefined` for a string that is whole by itself
 */
export function textOfPiece(event: JsonObject, { name, path, elements }: JsonPlace): string | undefined {
  if (!TEXT_MEMBERS.includes(name) || path.length > MAX_DEPTH) return undefined
  const type = event['type']
  if (typeof type === 'string') {
    // Sound comes in pieces too, and is no text.
    if (!type.endsWith('delta') || type.endsWith('audio.delta') || path[0] !== 'delta') return undefined
    return `${idsOf(event)} ${type} ${path.join('.')}`
  }
  const first = path[0]!
  const inChoice = first === 'choices' && (path[2] === 'delta' || path.join('.') === 'choices.[].text')
  const inCandidate = first === 'candidates'
  const inMessage = typeof event['done'] === 'boolean' && (first === 'message' || first === 'response')
  if (!inChoice && !inCandidate && !inMessage) return undefined
  return `${elementIds(event, path, elements)} ${path.join('.')}`
}

/** Beginnings of the names of texts that end with an event; an empty one for all. */
export function textsEndedBy(event: JsonObject): string[] {
  const type = event['type']
  if (typeof type === 'string') {
    if (!/(?:done|stop|end|completed|failed|incomplete)$/.test(type)) return []
    return [idsOf(event)]
  }
  if (event['done'] === true) return ['']
  const ended: string[] = []
  for (const [name, reason] of [
    ['choices', 'finish_reason'],
    ['candidates', 'finishReason'],
  ] as const) {
    const elements = event[name]
    if (!Array.isArray(elements)) continue
    elements.forEach((element: unknown, i) => {
      const object = objectOf(element)
      if (object && typeof object[reason] === 'string') ended.push(`${idOf(object, i)}`)
    })
  }
  return ended
}

function idsOf(event: JsonObject): string {
  return EVENT_IDS.map((name) => event[name] ?? objectOf(event['delta'])?.[name])
    .filter((id) => typeof id === 'number' || typeof id === 'string')
    .join('/')
}

/** The `index` of each array's element on the way, or else its place. */
function elementIds(event: JsonObject, path: readonly string[], elements: readonly number[]): string {
  const ids: (string | number)[] = []
  let value: unknown = event
  for (const [i, step] of path.entries()) {
    if (step !== '[]') value = objectOf(value)?.[step]
    else if (Array.isArray(value)) {
      const element: unknown = value[elements[i]!]
      ids.push(idOf(objectOf(element) ?? {}, elements[i]!))
      value = element
    }
  }
  return ids.join('/')
}

function idOf(object: JsonObject, place: number): number {
  return typeof object['index'] === 'number' ? object['index'] : place
}
