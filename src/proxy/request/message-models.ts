import { GatewayError } from '../../errors.ts'
import { readContent } from './named-models.ts'
import type { OpenExchange } from '../exchange/open-exchange.ts'

/** Whether a message of a WebSocket's client may pass: where its key is bound to models, it must name no other, and be readable. */
export function messageAllowed({ identity, operation }: OpenExchange, message: string | Buffer): boolean {
  const rules = identity?.compiledRules
  if (!rules?.restrictsModels) return true
  const { models, unseen } = readContent(Buffer.from(message), 'application/json', operation.nested)
  try {
    rules.requireModels(models, unseen === '' ? '' : `the message ${unseen}`)
    return true
  } catch (error) {
    if (error instanceof GatewayError) return false
    throw error
  }
}
