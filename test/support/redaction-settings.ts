import type { RedactionSettings } from '../../src/redaction/settings.ts'

/** Settings as they are by default, for the tests. */
export const SETTINGS: RedactionSettings = {
  mode: 'redact_storage',
  policyId: 'default/v1',
  requestBody: true,
  responseBody: true,
  detectors: ['email', 'phone', 'ssn', 'token_like', 'credit_card', 'iban'],
  custom: [],
  deniedNames: ['email', 'phone', 'password', 'token', 'secret', 'ssn', 'api_key', 'authorization'],
  deniedPaths: [],
  format: '[{type}_REDACTED:{hash}]',
  hashSalt: '',
  hashKey: 'a key for tests',
  reversible: false,
  uninspectable: 'deny',
  maxInspectBytes: 1_000_000,
  scopes: [],
}
