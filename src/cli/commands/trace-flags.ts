import type { Flag } from '../flags.ts'

/** Flags of a range. */
export const RANGE_FLAGS: readonly Flag[] = [
  {
    name: 'from',
    type: 'string',
    description:
      'Start time (RFC3339 or YYYY-MM-DD, or back from now: 90m, 24h, 7d, 4w, today, yesterday, month)',
  },
  { name: 'to', type: 'string', description: 'End time, as --from; of a day or a named span its end' },
  { name: 'since', type: 'string', description: 'The same as --from' },
  {
    name: 'time-zone',
    type: 'string',
    description: 'Where days begin: an IANA name such as Europe/Berlin',
    default: 'UTC',
  },
]

/** How the flags of a range are called. */
export const RANGE_USAGE = '[--from|--since TIME|DATE|SPAN] [--to TIME|DATE|SPAN] [--time-zone NAME]'

/** Filters by a text: the flag, the member of the filter, the description. */
export const TEXT_FILTERS = [
  ['provider', 'provider', 'Provider filter'],
  ['model', 'model', 'Model filter'],
  ['session-id', 'sessionId', 'Session filter'],
  ['end-user', 'endUser', 'End user filter'],
  ['client', 'client', 'Client filter (claude-cli, codex_exec, OpenAI/JS, …)'],
] as const

/** Filters by model and tenant. */
export const FILTER_FLAGS: readonly Flag[] = [
  ...TEXT_FILTERS.map(([name, , description]): Flag => ({ name, type: 'string', description })),
  { name: 'tag', type: 'string', description: 'Tag filter: NAME=VALUE, several with commas' },
]

/** How the filters are called. */
export const FILTER_USAGE =
  '[--provider NAME] [--model NAME] [--session-id ID] [--end-user NAME] [--client NAME] [--tag KEY=VALUE,…]'
