import type { AttemptCause } from '../../traces/exchange.ts'
import type { ProxyContext } from '../proxy-context.ts'
import type { Target } from '../targets/target.ts'

/**
 * Tells the chooser how an attempt at a target ended, and logs what that changes of its state. A target of no alias has no state: nothing is
 * chosen by it, and its name may be made up.
 *
 * @param restMs how long the target wants to rest after `rate`; `undefined` if it did not say
 */
export function noteTargetState(
  { chooser, log, settings: { models } }: Pick<ProxyContext, 'chooser' | 'log' | 'settings'>,
  target: Target,
  cause: AttemptCause,
  restMs?: number,
): void {
  if (!models.hasTarget(target.name)) return
  const now = performance.now()
  const before = chooser.stateOf(target.name, now).state
  chooser.report(target, cause, now, restMs === undefined ? undefined : now + restMs)
  const { state, until } = chooser.stateOf(target.name, now)
  if (state === before) return
  log(state === 'available' ? 'INFO' : 'WARN', 'target changed its state', {
    target: target.name,
    state,
    before,
    cause,
    ...(until === undefined ? {} : { for_ms: Math.round(until - now) }),
  })
}
