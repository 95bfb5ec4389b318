import type { Flag } from '../flags.ts'

/** Flags of commands that use a running gateway. */
export const GATEWAY_FLAGS: readonly Flag[] = [
  {
    name: 'base-url',
    type: 'string',
    description: 'Gateway base URL (defaults to value derived from config)',
  },
  {
    name: 'gateway-key',
    type: 'string',
    description: 'Gateway key token for protected routes (or ONGOINGAI_GATEWAY_KEY)',
  },
  {
    name: 'auth-header',
    type: 'string',
    description: 'Gateway key header name (defaults to config auth.header)',
  },
  { name: 'timeout', type: 'duration', description: 'HTTP timeout duration', default: '5s' },
]
