import type { Timeouts } from '../../providers/settings.ts'
import type { GatewayErrorCode } from '../../errors.ts'
import type { Strike } from './deadlines.ts'
import { upstreamFailure } from './upstream-failure.ts'

/** What each time-out waited for, and the setting that it comes from. */
const TIME_OUTS: Readonly<
  Record<Strike, { readonly text: string; readonly setting: string; readonly of: keyof Timeouts }>
> = {
  upstream_connect_timeout: {
    text: 'upstream did not accept a connection in time',
    setting: 'connect_ms',
    of: 'connectMs',
  },
  upstream_first_byte_timeout: {
    text: 'upstream did not answer in time',
    setting: 'first_byte_ms',
    of: 'firstByteMs',
  },
  upstream_idle_timeout: {
    text: 'upstream or client was silent for too long',
    setting: 'idle_ms',
    of: 'idleMs',
  },
  upstream_total_timeout: { text: 'the exchange took too long', setting: 'total_ms', of: 'totalMs' },
}

/** Whether a code is that of a time-out. */
export function isTimeOut(code: GatewayErrorCode): code is Strike {
  return Object.hasOwn(TIME_OUTS, code)
}

/** Message of a time-out: what the wait was for, the host, how long, and the setting. */
export function timeOutFailure(
  code: Strike,
  { url, name, timeouts }: { readonly url: string; readonly name: string; readonly timeouts: Timeouts },
): string {
  const { text, setting, of } = TIME_OUTS[code]
  return upstreamFailure(text, url, `longer than ${timeouts[of]} ms (providers.${name}.timeouts.${setting})`)
}
