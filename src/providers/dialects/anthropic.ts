import type { Dialect, OfferedModel } from './dialect.ts'

/** Anthropic's dialect. */
export const anthropic = {
  name: 'anthropic',
  vendor: {
    name: 'anthropic',
    sdk: { baseUrl: 'ANTHROPIC_BASE_URL', headers: 'ANTHROPIC_CUSTOM_HEADERS', always: true },
  },
  keyField: 'x-api-key',
  // @see https://docs.anthropic.com/en/api/openai-sdk
  bearerPaths: /^\/v1\/chat\/completions\/?$/,
  speaks: { anthropic: '/v1' },
  // platform.claude.com/docs/en/api/models-list
  modelList: {
    one: modelObject,
    all: (models) => ({
      data: models.map(modelObject),
      has_more: false,
      first_id: models[0]?.name ?? null,
      last_id: models.at(-1)?.name ?? null,
    }),
  },
  errorBody: ({ code, status, message, spent, limit, correlationId }) => ({
    type: 'error',
    error: { type: spent ? 'billing_error' : errorType(status), message, code, ...limit },
    request_id: correlationId,
  }),
  namesErrorEvents: true,
} as const satisfies Dialect

function modelObject({ name, details }: OfferedModel): object {
  return {
    type: 'model',
    id: name,
    display_name: name,
    created_at: '1970-01-01T00:00:00Z',
    max_input_tokens: details.context_window ?? null,
    max_tokens: details.max_output_tokens ?? null,
    capabilities: null,
    line: null,
    lifecycle: 'active',
    deprecated_at: null,
    retires_at: null,
    ...details,
  }
}

/** The type of an error with a status. @see https://docs.anthropic.com/en/api/errors */
function errorType(status: number): string {
  if (status === 401) return 'authentication_error'
  if (status === 403) return 'permission_error'
  if (status === 404) return 'not_found_error'
  if (status === 413) return 'request_too_large'
  if (status === 429) return 'rate_limit_error'
  if (status === 503) return 'overloaded_error'
  return status < 500 ? 'invalid_request_error' : 'api_error'
}
