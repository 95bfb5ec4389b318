import { GatewayError } from '../../errors.ts'
import type { NoTarget } from './chooser.ts'

/**
 * The refusal of a request for a model none of whose targets is available. It says why, and when a retry may help.
 *
 * @param model as the request asked for it
 * @param now milliseconds of the clock that the choice was made by
 */
export function noTarget(model: string, { reason, until }: NoTarget, now: number): GatewayError {
  const seconds = until === undefined ? undefined : Math.max(1, Math.ceil((until - now) / 1000))
  const when = seconds === undefined ? '' : `; the next try is in ${seconds} s`
  return new GatewayError(
    'no_target_available',
    `no target of model ${model.slice(0, 128)} is available: ${REASONS[reason]}${when}`,
    seconds === undefined ? {} : { retryAfterSeconds: seconds },
  )
}

const REASONS = {
  open: 'all have failed',
  cooling: 'all have failed or are over their rate limit',
  unusable: 'the gateway has no credential that can be used for any of them',
}
