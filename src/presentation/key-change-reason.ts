import type { GatewayErrorCode } from '../errors.ts'

/** Why a change of a key failed, in the words of the audit trail's contract. */
export function changeReason(code: GatewayErrorCode): string {
  return REASONS[code] ?? code
}

const REASONS: Readonly<Record<string, string>> = {
  bad_request: 'invalid_json',
  request_body_too_large: 'body_too_large',
  gateway_key_exists: 'conflict',
  gateway_key_not_found: 'not_found',
}
