import { CONFIG_FLAG, FORMAT_FLAG, type Command } from '../command.ts'
import type { Flag } from '../flags.ts'
import { GATEWAY_FLAGS } from './gateway-flags.ts'

/** Flags that name a budget's subject. */
export const SUBJECT_FLAGS: readonly Flag[] = [
  { name: 'workspace-id', type: 'string', description: 'Workspace whose budget it is, or that it is in' },
  { name: 'key-id', type: 'string', description: 'Key whose budget it is' },
  { name: 'end-user', type: 'string', description: 'End user whose budget it is' },
  { name: 'session-id', type: 'string', description: 'Session whose budget it is' },
  { name: 'provider', type: 'string', description: 'Provider, where the limit counts by it' },
  { name: 'model', type: 'string', description: 'Model, where the limit counts by it' },
]
const ORG_FLAG: Flag = {
  name: 'org-id',
  type: 'string',
  description: 'Organization (in the store; a running gateway takes that of the key)',
  default: 'default',
}
/** Flags that say how much more may be spent, and until when. */
export const RAISE_FLAGS: readonly Flag[] = [
  { name: 'by-usd', type: 'string', description: 'How much more than the budget may be spent, in USD' },
  { name: 'to-usd', type: 'string', description: 'How much may be spent, in USD' },
  {
    name: 'until',
    type: 'string',
    description: 'YYYY-MM-DD or RFC 3339 (the end of the period unless given)',
  },
]
const WHOSE =
  '[--workspace-id ID] [--key-id ID] [--end-user NAME] [--session-id ID] [--provider NAME] [--model NAME] [--org-id ID] [--config path/to/ongoingai.yaml] [--base-url URL [--gateway-key TOKEN] [--auth-header HEADER] [--timeout DURATION]] [--format text|json]'

/** How `ongoingai limits` is called. */
export const limits: Command = {
  name: 'limits',
  summary: 'show limits of a running gateway and where they stand',
  usage:
    'limits [--config path/to/ongoingai.yaml] [--key-id ID] [--end-user NAME] [--session-id ID] [--provider NAME] [--model NAME] [--base-url URL] [--gateway-key TOKEN] [--auth-header HEADER] [--format text|json] [--timeout DURATION]',
  flags: [
    CONFIG_FLAG,
    FORMAT_FLAG,
    { name: 'key-id', type: 'string', description: 'Another key of the tenant (needs keys:manage)' },
    { name: 'end-user', type: 'string', description: 'Limits of an end user' },
    { name: 'session-id', type: 'string', description: 'Limits of a session' },
    { name: 'provider', type: 'string', description: 'Limits that hold for a provider' },
    { name: 'model', type: 'string', description: 'Limits that hold for a model' },
    ...GATEWAY_FLAGS,
  ],
  run: async (parsed, io) => (await import('../limits.ts')).showLimits(parsed, io),
}

/** How `ongoingai limits reset` is called. */
export const limitsReset: Command = {
  name: 'limits reset',
  summary: 'let a budget begin anew for one subject',
  usage: `limits reset POLICY ${WHOSE}`,
  flags: [CONFIG_FLAG, FORMAT_FLAG, ...SUBJECT_FLAGS, ORG_FLAG, ...GATEWAY_FLAGS],
  run: async (parsed, io) => (await import('../limit-changes.ts')).resetLimit(parsed, io),
}

/** How `ongoingai limits raise` is called. */
export const limitsRaise: Command = {
  name: 'limits raise',
  summary: 'let one subject spend more than its budget for a while',
  usage: `limits raise POLICY (--by-usd USD | --to-usd USD) [--until TIME] ${WHOSE}`,
  flags: [CONFIG_FLAG, FORMAT_FLAG, ...SUBJECT_FLAGS, ...RAISE_FLAGS, ORG_FLAG, ...GATEWAY_FLAGS],
  run: async (parsed, io) => (await import('../limit-changes.ts')).raiseLimit(parsed, io),
}
