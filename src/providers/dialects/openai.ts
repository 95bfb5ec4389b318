import type { Dialect, OfferedModel, RefusalFacts } from './dialect.ts'

/** OpenAI's dialect, which many others speak. */
export const openai = {
  name: 'openai',
  vendor: {
    name: 'openai',
    sdk: { baseUrl: 'OPENAI_BASE_URL', version: '/v1', headers: 'OPENAI_CUSTOM_HEADERS', always: true },
  },
  speaks: { openai: '/v1' },
  // platform.openai.com/docs/api-reference/models
  modelList: { one: modelObject, all: (models) => ({ object: 'list', data: models.map(modelObject) }) },
  errorBody: openaiErrorBody,
  clientPaths: [
    { beginning: /^\/v1\//, missing: '' },
    { beginning: /^\/(chat\/completions|completions|responses|embeddings|models)(\/|$)/, missing: '/v1' },
  ],
} as const satisfies Dialect

function modelObject({ name, provider, details }: OfferedModel): object {
  return { id: name, object: 'model', created: 0, owned_by: provider, ...details }
}

/** An error as OpenAI and Azure write it. @see https://platform.openai.com/docs/guides/error-codes */
export function openaiErrorBody({ code, status, message, spent, limit }: RefusalFacts): object {
  const type = spent ? 'insufficient_quota' : openaiErrorType(status)
  return { error: { message, type, param: null, code, ...limit } }
}

/** The type of an error with a status. */
export function openaiErrorType(status: number): string {
  if (status === 401) return 'authentication_error'
  if (status === 403) return 'permission_error'
  if (status === 429) return 'rate_limit_error'
  return status < 500 ? 'invalid_request_error' : 'api_error'
}
