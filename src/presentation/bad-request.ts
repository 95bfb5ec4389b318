import { GatewayError } from '../errors.ts'

/** A mistake of the caller, with the text that the response shows. */
export function badRequest(message: string): GatewayError {
  return new GatewayError('bad_request', message)
}
