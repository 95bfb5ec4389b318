import { GatewayError } from '../../errors.ts'
import type { LimitPolicy } from '../policies/policy.ts'

/** A request that a hard or strict budget refuses, because it cannot see what the request can cost. Trying again does not help. */
export class UnheldCost extends GatewayError {
  /** @param why cannot be seen what it can cost */
  constructor({ name, budget }: LimitPolicy, why: string) {
    const message = `budget "${name}" is ${budget.enforcement} and cannot be held for this request: ${why}`
    super('budget_exceeded', message)
  }
}
