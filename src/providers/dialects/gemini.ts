import type { Dialect, OfferedModel } from './dialect.ts'

/** Gemini's dialect: errors as all of Google's APIs write them. */
export const gemini = {
  name: 'gemini',
  vendor: { name: 'gemini', telemetryName: 'gcp.gemini', sdk: { baseUrl: 'GOOGLE_GEMINI_BASE_URL' } },
  keyField: 'x-goog-api-key',
  // @see https://ai.google.dev/gemini-api/docs/openai
  bearerPaths: /^\/v1(?:beta)?\/openai\//,
  speaks: { gemini: '/v1beta' },
  // ai.google.dev/api/models
  modelList: { one: modelObject, all: (models) => ({ models: models.map(modelObject) }) },
  errorBody: ({ status, message, limit }) => ({
    error: { code: status, message, status: statusName(status), ...limit },
  }),
  clientPaths: [{ beginning: /^\/v1beta\//, missing: '' }],
} as const satisfies Dialect

function modelObject({ name, details }: OfferedModel): object {
  const { context_window: inputTokenLimit, max_output_tokens: outputTokenLimit } = details
  return {
    name: `models/${name}`,
    displayName: name,
    ...(inputTokenLimit === undefined ? {} : { inputTokenLimit }),
    ...(outputTokenLimit === undefined ? {} : { outputTokenLimit }),
    ...details,
  }
}

/** Google's name of a status. @see https://cloud.google.com/apis/design/errors#handling_errors */
function statusName(status: number): string {
  if (status === 401) return 'UNAUTHENTICATED'
  if (status === 403) return 'PERMISSION_DENIED'
  if (status === 404) return 'NOT_FOUND'
  if (status === 429) return 'RESOURCE_EXHAUSTED'
  if (status === 503) return 'UNAVAILABLE'
  if (status === 504) return 'DEADLINE_EXCEEDED'
  return status < 500 ? 'INVALID_ARGUMENT' : 'INTERNAL'
}
