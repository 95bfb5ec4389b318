import document from '../../openapi.yaml' with { type: 'text' }
import type { ApiHandler } from './api-context.ts'

/** `GET /api/openapi.yaml`: this API, described. */
export const getOpenApi: ApiHandler = () =>
  new Response(document, { headers: { 'content-type': 'application/yaml' } })
