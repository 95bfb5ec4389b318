import { mayBill, type Operation, type OperationCost } from '../../providers/operation.ts'
import type { RequestFacts } from './request-facts.ts'

/** Why a request may run a model that it does not name, in words that continue "and"; empty where it cannot. */
export function hiddenModel({ models }: Operation, facts: RequestFacts): string {
  if (!facts.runsModel) return ''
  if (models.kind === 'elsewhere') return `the model stands ${models.where}`
  if (models.kind === 'messages') return 'the messages of a WebSocket name it'
  if (models.kind === 'path' && facts.pathModel === '') return 'the path names none that can be read'
  if (facts.unseen !== '') return `the request's content ${facts.unseen}`
  return facts.models.length === 0 ? 'the request names none' : ''
}

/** Whether a request may be billed by what its response reports. */
export function billedByAnswer(operation: Operation, { runsModel }: RequestFacts): boolean {
  return mayBill(operation) || (operation.models.onlyWith !== undefined && runsModel)
}

/** Why the cost of a request cannot be seen, and which budgets cannot be held for it. */
export interface UnseenCost {
  readonly of: 'money' | 'any'
  readonly why: string
}

/** Which part of a request's cost cannot be seen before it is sent; `undefined` if budgets see enough. */
export function unseenCost(operation: Operation, facts: RequestFacts): UnseenCost | undefined {
  const why = UNSEEN[operation.cost.kind]
  if (why !== '') return { of: 'any', why }
  // The requests of a WebSocket come later. A strict budget lets a WebSocket run alone.
  if (!billedByAnswer(operation, facts) || operation.method === 'WS') return undefined
  // If the path names the model, its price is known. Without a bound the request reserves a whole strict budget.
  if (facts.unseen !== '' && operation.models.kind !== 'path')
    return { of: 'any', why: `its content ${facts.unseen}` }
  if (facts.model === '' || (operation.models.kind === 'path' && facts.pathModel === ''))
    return { of: 'money', why: 'it names no model, or several for one answer' }
  return undefined
}

/** Why the cost of an operation cannot be seen before it is sent; empty if it can, or is small. */
const UNSEEN: Readonly<Record<OperationCost['kind'], string>> = {
  answered: '',
  free: '',
  unread: '',
  later: 'what it starts is billed later, with other requests',
  unseen: 'neither the request nor the response shows its cost',
  unknown: 'the call is unknown, and so is its cost',
}
