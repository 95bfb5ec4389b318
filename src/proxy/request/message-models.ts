import type { CompiledRules } from '../../access/key-rules.ts'
import { GatewayError } from '../../errors.ts'
import type { Operation } from '../../providers/operation.ts'
import type { ModelDirectory } from '../targets/model-directory.ts'
import { jsonWithModel } from '../targets/rewrite-model.ts'
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

/**
 * A message of a WebSocket's client as the provider of the connection gets it: with the provider's name for the model.
 *
 * @returns the same message when nothing changes; `undefined` when the model's targets are elsewhere
 */
export function messageFor(
  provider: string,
  message: string | Buffer,
  models: ModelDirectory,
): string | Buffer | undefined {
  if (!message.includes('"')) return message
  const bytes = Buffer.from(message)
  const { asked, modelAt } = readContent(bytes, 'application/json')
  const [name] = asked
  if (name === undefined || asked.length > 1) return message
  const named = models.nameAt(provider, name)
  if (named.kind !== 'other') return named.kind === 'same' ? message : undefined
  const written = Buffer.from(jsonWithModel(bytes, named.model, modelAt))
  return typeof message === 'string' ? written.toString('utf8') : written
}
