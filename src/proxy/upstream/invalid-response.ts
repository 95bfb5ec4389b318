import { GatewayError } from '../../errors.ts'
import { upstreamFailure } from './upstream-failure.ts'

/** The error of a response that cannot be passed on. @param url of the upstream, of which only the host is shown */
export function invalidResponse(url: string, reason: string): GatewayError {
  return new GatewayError(
    'upstream_invalid_response',
    upstreamFailure('upstream request failed', url, reason),
  )
}

/** @throws GatewayError for a status that no response may have */
export function requireStatus(status: number, url: string): void {
  if (status >= 200 && status <= 599) return
  throw invalidResponse(url, `its answer has the status ${status}, which is not between 200 and 599`)
}
