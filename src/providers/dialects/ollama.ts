import type { Dialect } from './dialect.ts'

/** Ollama's dialect. */
export const ollama = {
  name: 'ollama',
  vendor: { name: 'ollama', sdk: { baseUrl: 'OLLAMA_HOST' } },
  errorBody: ({ code, message, limit }) => ({ error: message, code, ...limit }),
} as const satisfies Dialect
