import { defined } from '../defined.ts'
import type { TraceFilter } from '../storage/storage.ts'
import { badRequest, type QueryParameters } from './query-parameters.ts'

/** Reads `from` and `to`. @throws GatewayError `bad_request` with the contract's text */
export function readRange(parameters: QueryParameters): Pick<TraceFilter, 'fromUs' | 'toUs'> {
  const fromUs = parameters.time('from')
  const toUs = parameters.time('to')
  if (fromUs !== undefined && toUs !== undefined && toUs < fromUs) {
    throw badRequest('to must be greater than or equal to from')
  }
  return defined({ fromUs, toUs })
}

/** Reads the filters that every list and every sum takes: model, key, and whom an exchange belongs to. */
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
