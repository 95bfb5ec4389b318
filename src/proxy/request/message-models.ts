import type { CompiledRules } from '../../access/key-rules.ts'
import { GatewayError } from '../../errors.ts'
import type { Operation } from '../../providers/operation.ts'
import { readContent } from './named-models.ts'

/**
 * Whether a message of a WebSocket's client may pass. If its key is bound to models, the message must be readable and name no other
 * model.
 */
export function messageAllowed(
  message: string | Buffer,
  rules: CompiledRules | undefined,
  { nested }: Operation,
): boolean {
  if (!rules?.restrictsModels) return true
  const { models, unseen } = readContent(Buffer.from(message), 'application/json', nested)
  try {
    rules.requireModels(models, unseen === '' ? '' : `the message ${unseen}`)
    return true
  } catch (error) {
    if (error instanceof GatewayError) return false
    throw error
  }
}
