import type { Dialect } from './dialect.ts'

/** Ollama's dialect. */
export const ollama = {
  name: 'ollama',
  vendor: { name: 'ollama', sdk: { baseUrl: 'OLLAMA_HOST' } },
  // docs.ollama.com/api/openai-compatibility and docs.ollama.com/api/anthropic-compatibility
  speaks: { openai: '/v1', anthropic: '/v1' },
  errorBody: ({ code, message, limit }) => ({ error: message, code, ...limit }),
} as const satisfies Dialect
