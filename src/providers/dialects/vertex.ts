import type { Dialect } from './dialect.ts'
import { gemini } from './gemini.ts'

/**
 * Vertex AI's dialect. Its base URLs name a project and a location: `…/v1/projects/{project}/locations/{location}`. Claude's Messages go to
 * `rawPredict`, whose path names the model.
 *
 * @see https://cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/use-claude
 */
export const vertex = {
  name: 'vertex',
  vendor: { name: 'vertex', telemetryName: 'gcp.vertex_ai' },
  keyField: 'x-goog-api-key',
  // cloud.google.com/vertex-ai/generative-ai/docs/start/openai
  bearerPaths: /\/endpoints\/openapi\//,
  belowAnyPath: true,
  speaks: {
    gemini: '/publishers/google',
    openai: '/endpoints/openapi',
    anthropic: {
      '/messages': {
        path: '/publishers/anthropic/models/{model}:rawPredict',
        streamPath: '/publishers/anthropic/models/{model}:streamRawPredict',
        without: ['model'],
        with: { anthropic_version: 'vertex-2023-10-16' },
      },
      '/messages/count_tokens': {
        path: '/publishers/anthropic/models/count-tokens:rawPredict',
        without: [],
        with: { anthropic_version: 'vertex-2023-10-16' },
      },
    },
  },
  errorBody: gemini.errorBody,
} as const satisfies Dialect
