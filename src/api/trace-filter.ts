import { defined } from '../presentation/defined.ts'
import type { TraceFilter } from '../storage/contract/trace-filter.ts'
import { invalidParameter, type QueryParameters } from './query-parameters.ts'

/** The parameters that `readRange` reads. */
export const RANGE_PARAMETERS = ['from', 'to', 'time_zone'] as const

/** The parameters that `readCommonFilter` reads. */
export const FILTER_PARAMETERS = [
  'provider',
  'model',
  'api_key_hash',
  'gateway_key_id',
  'session_id',
  'end_user',
  'client',
  'tag.',
] as const

/** Reads `from` and `to`. @throws GatewayError `invalid_parameter` with the contract's text */
export function readRange(parameters: QueryParameters, nowUs: number): Pick<TraceFilter, 'fromUs' | 'toUs'> {
  const now = { nowUs, zone: parameters.timeZone() }
  const fromUs = parameters.time('from', now)
  const toUs = parameters.time('to', now)
  if (fromUs !== undefined && toUs !== undefined && toUs < fromUs) {
    throw invalidParameter('to must be greater than or equal to from')
  }
  return defined({ fromUs, toUs })
}

/** Reads the filters that every list and every sum takes: model, key and tenant. */
export function readCommonFilter(parameters: QueryParameters): TraceFilter {
  return defined({
    provider: parameters.text('provider'),
    model: parameters.text('model'),
    apiKeyHash: parameters.text('api_key_hash'),
    gatewayKeyId: parameters.text('gateway_key_id'),
    sessionId: parameters.text('session_id'),
    endUser: parameters.text('end_user'),
    client: parameters.text('client'),
    tags: parameters.group('tag.'),
  })
}
