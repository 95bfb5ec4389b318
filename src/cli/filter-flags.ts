import { parseTimeOrDay } from '../api/query-parameters.ts'
import type { TimeRange, TraceFilter } from '../storage/storage.ts'
import type { Arguments, Flag } from './flags.ts'

/** `--from` and `--to`. */
export const RANGE_FLAGS: readonly Flag[] = [
  { name: 'from', type: 'string', description: 'Start time (RFC3339 or YYYY-MM-DD)' },
  { name: 'to', type: 'string', description: 'End time (RFC3339 or YYYY-MM-DD)' },
]

/** How `--from` and `--to` are called. */
export const RANGE_USAGE = '[--from RFC3339|YYYY-MM-DD] [--to RFC3339|YYYY-MM-DD]'

const TEXT_FILTERS = [
  ['provider', 'provider', 'Provider filter'],
  ['model', 'model', 'Model filter'],
  ['session-id', 'sessionId', 'Session filter'],
  ['end-user', 'endUser', 'End user filter'],
  ['client', 'client', 'Client filter (claude-cli, codex_exec, OpenAI/JS, …)'],
] as const

/** Filters by model and by whom an exchange belongs to. */
export const FILTER_FLAGS: readonly Flag[] = [
  ...TEXT_FILTERS.map(([name, , description]): Flag => ({ name, type: 'string', description })),
  { name: 'tag', type: 'string', description: 'Tag filter: NAME=VALUE, several with commas' },
]

/** How the filters are called. */
export const FILTER_USAGE =
  '[--provider NAME] [--model NAME] [--session-id ID] [--end-user NAME] [--client NAME] [--tag KEY=VALUE,…]'

/** Reads `--from` and `--to`; a day as `to` means its end. */
export function readRangeFlags({ values }: Arguments): TimeRange | { readonly problem: string } {
  const range: { fromUs?: number; toUs?: number } = {}
  for (const [name, field] of [
    ['from', 'fromUs'],
    ['to', 'toUs'],
  ] as const) {
    const text = (values.get(name) ?? '').trim()
    if (text === '') continue
    const time = parseTimeOrDay(text, name)
    if (time === undefined) return { problem: `invalid ${name}: expected RFC3339 or YYYY-MM-DD` }
    range[field] = time
  }
  if (range.fromUs !== undefined && range.toUs !== undefined && range.toUs < range.fromUs) {
    return { problem: 'invalid range: to must be greater than or equal to from' }
  }
  return range
}

/** Reads range and filters. */
export function readFilterFlags(
  parsed: Arguments,
): { readonly filter: TraceFilter } | { readonly problem: string } {
  const { values } = parsed
  const range = readRangeFlags(parsed)
  if ('problem' in range) return range
  const tags = readTags(values.get('tag') ?? '')
  if (tags === undefined) return { problem: 'invalid tag: expected key=value, several with commas' }
  const texts = TEXT_FILTERS.map(([name, field]) => [field, (values.get(name) ?? '').trim()] as const)
  return {
    filter: {
      ...Object.fromEntries(texts.filter(([, value]) => value !== '')),
      ...(Object.keys(tags).length === 0 ? {} : { tags }),
      ...range,
    },
  }
}

/** Tags of the filter by their keys; `undefined` for what is not `key=value`. */
function readTags(text: string): Record<string, string> | undefined {
  const tags: Record<string, string> = {}
  for (const pair of text.split(',').filter((one) => one.trim() !== '')) {
    const equals = pair.indexOf('=')
    const key = pair.slice(0, Math.max(equals, 0)).trim()
    const value = pair.slice(equals + 1).trim()
    if (key === '' || value === '') return undefined
    tags[key] = value
  }
  return tags
}
