import { CONFIG_FLAG, FORMAT_FLAG, type Command } from '../command.ts'
import type { Flag } from '../flags.ts'
import { GATEWAY_FLAGS } from './gateway-flags.ts'

const WHERE =
  '[--config path/to/ongoingai.yaml] [--base-url URL [--gateway-key TOKEN] [--auth-header HEADER] [--timeout DURATION]] [--format text|json]'

/** Flags that name the tenant of a key. */
const TARGET_FLAGS: readonly Flag[] = [
  { name: 'org-id', type: 'string', description: 'Organization of the key' },
  { name: 'workspace-id', type: 'string', description: 'Workspace of the key' },
]

/** How `ongoingai keys list` is called. */
export const keysList: Command = {
  name: 'keys list',
  summary: 'list gateway keys',
  usage: `keys list ${WHERE}`,
  flags: [CONFIG_FLAG, FORMAT_FLAG, ...GATEWAY_FLAGS],
  run: async (parsed, io) => (await import('../keys.ts')).listKeys(parsed, io),
}

/** How `ongoingai keys create` is called. */
export const keysCreate: Command = {
  name: 'keys create',
  summary: 'make a gateway key and show its token, once',
  usage: `keys create [--role owner|admin|developer|member|viewer|custom] [--scope workspace|organization] [--name NAME] [--org-id ID] [--workspace-id ID] [--permissions LIST] [--models LIST] [--providers LIST] [--routes LIST] [--networks LIST] [--expires-at TIME] [--labels k=v,k=v] [--budget USD/PERIOD] [--requests-per-minute N] [--limits JSON] ${WHERE}`,
  flags: [
    CONFIG_FLAG,
    FORMAT_FLAG,
    { name: 'id', type: 'string', description: 'Id of the key (made up unless given)' },
    { name: 'name', type: 'string', description: 'Name for people' },
    { name: 'description', type: 'string', description: 'Note for people' },
    {
      name: 'role',
      type: 'string',
      description: 'owner, admin, developer, member, viewer or custom: what --permissions says alone',
      default: 'developer',
    },
    {
      name: 'scope',
      type: 'string',
      description: 'What it may read: its workspace, or its whole organization',
      default: 'workspace',
    },
    { name: 'permissions', type: 'string', description: 'Further permissions, separated by commas' },
    { name: 'models', type: 'string', description: 'Allowed models, or beginnings followed by *' },
    { name: 'providers', type: 'string', description: 'Allowed providers' },
    { name: 'routes', type: 'string', description: 'Allowed paths, or beginnings followed by *' },
    { name: 'networks', type: 'string', description: 'Allowed client addresses and networks' },
    { name: 'expires-at', type: 'string', description: 'When it ends: YYYY-MM-DD or RFC 3339' },
    { name: 'labels', type: 'string', description: 'Labels: k=v,k=v' },
    { name: 'budget', type: 'string', description: 'What it may cost: USD/day, /week, /month or /total' },
    { name: 'requests-per-minute', type: 'int', description: 'How many requests it may make a minute' },
    { name: 'limits', type: 'string', description: 'Further limits of the key, as a JSON list' },
    { name: 'token', type: 'string', description: 'The token (made up unless given)' },
    ...TARGET_FLAGS,
    ...GATEWAY_FLAGS,
  ],
  run: async (parsed, io) => (await import('../keys.ts')).createKey(parsed, io),
}

/** How `ongoingai keys rotate` is called. */
export const keysRotate: Command = {
  name: 'keys rotate',
  summary: 'give a gateway key another token, and show it, once',
  usage: `keys rotate ID [--grace-period SECONDS] [--token TOKEN] [--org-id ID] [--workspace-id ID] ${WHERE}`,
  flags: [
    CONFIG_FLAG,
    FORMAT_FLAG,
    {
      name: 'grace-period',
      type: 'int',
      description: 'Seconds for which the token before counts too',
      default: '0',
    },
    { name: 'token', type: 'string', description: 'The token (made up unless given)' },
    ...TARGET_FLAGS,
    ...GATEWAY_FLAGS,
  ],
  run: async (parsed, io) => (await import('../keys.ts')).rotateKey(parsed, io),
}

/** How `ongoingai keys revoke` is called. */
export const keysRevoke: Command = {
  name: 'keys revoke',
  summary: 'end a gateway key for good',
  usage: `keys revoke ID [--org-id ID] [--workspace-id ID] ${WHERE}`,
  flags: [CONFIG_FLAG, FORMAT_FLAG, ...TARGET_FLAGS, ...GATEWAY_FLAGS],
  run: async (parsed, io) => (await import('../keys.ts')).revokeKey(parsed, io),
}
