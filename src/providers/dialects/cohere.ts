import type { Dialect } from './dialect.ts'

/** Cohere's dialect. */
export const cohere = {
  name: 'cohere',
  vendor: { name: 'cohere', sdk: { baseUrl: 'CO_API_URL' } },
  // docs.cohere.com/docs/compatibility-api
  speaks: { openai: '/compatibility/v1' },
  errorBody: ({ code, message, limit }) => ({ message, code, ...limit }),
} as const satisfies Dialect
