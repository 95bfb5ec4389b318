import type { Identity } from './keyring.ts'

/** The organization of the people who run the gateway. Keys of customers belong to others. */
const OPERATOR_ORGANIZATION = 'default'

/**
 * Whether a caller may see data of the whole gateway: process-wide figures, and requests without a tenant. While
 * keys are off, every caller may. Otherwise only a key of the operator's organization with scope `organization` may.
 *
 * @param identity `undefined` while keys are off
 */
export function isOperator(identity: Identity | undefined): boolean {
  if (!identity) return true
  return identity.scope === 'organization' && identity.caller.organizationId === OPERATOR_ORGANIZATION
}
