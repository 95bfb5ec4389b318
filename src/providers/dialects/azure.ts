import type { Dialect } from './dialect.ts'
import { openaiErrorBody } from './openai.ts'

/** Azure OpenAI's dialect: OpenAI's errors at other paths. */
export const azure = {
  name: 'azure',
  vendor: { name: 'azure', telemetryName: 'azure.ai.openai', sdk: { baseUrl: 'AZURE_OPENAI_ENDPOINT' } },
  keyField: 'api-key',
  // learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle
  speaks: { openai: '/openai/v1' },
  errorBody: openaiErrorBody,
} as const satisfies Dialect
