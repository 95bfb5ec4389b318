import type { WireApi } from './apis/wire-api.ts'

/** Whether a model writes in such an operation: what the GenAI conventions call inference. */
export function isInference(operation: WireApi['operation']): boolean {
  return operation === 'chat' || operation === 'text_completion' || operation === 'generate_content'
}
