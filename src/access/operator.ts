import type { Identity } from './keyring.ts'

/** The organization of the people who run the gateway. Keys of customers belong to others. */
const OPERATOR_ORGANIZATION = 'default'

/**
 * Whether a caller may see data of the whole gateway: process-wide figures, and requests without a tenant. Every caller may
 * while keys are off; then only a key of the operator's organization whose scope is the organization.
 *
 * @param identity `undefined` while keys are off
 */
export function isOperator(identity: Identity | undefined): boolean {
  if (!identity) return true
  return identity.scope === 'organization' && identity.caller.organizationId === OPERATOR_ORGANIZATION
}
