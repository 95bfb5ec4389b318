import type { Dialect } from './dialect.ts'
import { openaiErrorType } from './openai.ts'

/** Mistral's dialect. Its SDKs read no variable for a base URL. */
export const mistral = {
  name: 'mistral',
  vendor: { name: 'mistral', telemetryName: 'mistral_ai' },
  speaks: { openai: '/v1' },
  errorBody: ({ code, status, message, limit }) => ({
    object: 'error',
    message,
    type: openaiErrorType(status),
    param: null,
    code,
    ...limit,
  }),
} as const satisfies Dialect
