import type { Dialect } from '../config/config.ts'
import { chatCompletions } from './apis/chat-completions.ts'
import { embeddings } from './apis/embeddings.ts'
import { messages } from './apis/messages.ts'
import { responses } from './apis/responses.ts'
import type { WireApi } from './apis/wire-api.ts'

/** Every wire API that is metered. To add one: its file and a line here. */
const WIRE_APIS: readonly WireApi[] = [chatCompletions, responses, embeddings, messages]

/** Calls that providers never bill, by the end of their path. */
const FREE = ['/messages/count_tokens', '/moderations', '/responses/input_tokens']

/**
 * The wire API a request speaks.
 *
 * @param path below the provider's prefix, without query
 * @returns `undefined` for anything that is passed on without metering
 */
export function wireApiOf(method: string, path: string, upgrade: boolean): WireApi | undefined {
  if (method !== 'POST' && !upgrade) return undefined
  return WIRE_APIS.find((api) => path.endsWith(api.pathSuffix))
}

/** The wire API of that name. Names come from our own records, so an unknown one is a bug. */
export function wireApiNamed(name: string): WireApi | undefined {
  return WIRE_APIS.find((api) => api.name === name)
}

/** Whether nothing is billed for such a request: reading methods, and calls that are free by their nature. */
export function isFree(method: string, path: string): boolean {
  return method !== 'POST' || FREE.some((suffix) => path.endsWith(suffix))
}

/** The dialect of errors on a route: that of the API in use, else of the provider. */
export function dialectOf(path: string, provider: Dialect): Dialect {
  return path.endsWith('/messages') || path.includes('/messages/') ? 'anthropic' : provider
}
