import type { Dialect } from './dialect.ts'
import { openaiErrorBody } from './openai.ts'

/** Azure OpenAI's dialect: OpenAI's errors at other paths. */
export const azure = {
  name: 'azure',
  vendor: { name: 'azure', telemetryName: 'azure.ai.openai', sdk: { baseUrl: 'AZURE_OPENAI_ENDPOINT' } },
  keyField: 'api-key',
  // learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle and
  // platform.claude.com/docs/en/build-with-claude/claude-in-microsoft-foundry
  speaks: { openai: '/openai/v1', anthropic: '/anthropic/v1' },
  otherKeyField: { paths: /^\/anthropic\//, field: 'x-api-key' },
  errorBody: openaiErrorBody,
} as const satisfies Dialect
