import type { ModelDialect } from '../../providers/dialects/dialect.ts'
import { type ForwardingSettings, type Upstream, upstreamOf } from './upstream.ts'

/** How long the client of a request without a target may be silent, in milliseconds. */
const IDLE_MS = 600_000

/** Stands for the upstream of a request whose target is not known yet. It has no name, and nothing is sent there. */
export function unresolvedUpstream(api: ModelDialect, settings: ForwardingSettings): Upstream {
  return upstreamOf(
    {
      name: '',
      // RFC 2606: a name that never resolves.
      upstream: 'http://unresolved.invalid',
      prefix: '/',
      api,
      credentialHeader: '',
      timeouts: { connectMs: 0, firstByteMs: 0, idleMs: IDLE_MS, totalMs: 0 },
      connection: { proxy: '', ca: '', certificate: '', key: '' },
      headers: { set: [], remove: [] },
      region: '',
      zeroRetention: false,
      retryOn: [],
    },
    settings,
  )
}
