import type { ServedAt, ServedCall } from './dialect.ts'

/** A request of a dialect. */
export interface DialectCall {
  /** Its path, version included: `/v1/messages`. Escapes as they came. */
  readonly path: string
  /** What the provider calls the model; empty if the request names none. */
  readonly model: string
  /** It wants a stream. */
  readonly streaming: boolean
}

/** Where a provider takes a call. */
export interface PlaceOfCall {
  /** Path below the provider's base URL. */
  readonly path: string
  /** How its content differs; absent if it does not. */
  readonly call?: ServedCall
}

/** The version of Gemini's API by which `servedAt` says that a provider serves it. */
const GEMINI = '/v1beta'

/** Where a provider takes a call of a dialect; `undefined` if it does not, or not with the streams of the dialect. */
export function placeOfCall(
  servedAt: ServedAt,
  { path, model, streaming }: DialectCall,
): PlaceOfCall | undefined {
  // The first segment is the version.
  const end = path.indexOf('/', 1)
  const below = path.slice(end)
  // Who serves one version of Gemini's API serves all: the client's stays.
  if (typeof servedAt === 'string')
    return {
      path: servedAt.endsWith(GEMINI) ? `${servedAt.slice(0, -GEMINI.length)}${path}` : `${servedAt}${below}`,
    }
  const call = servedAt[below.replace(/\/$/, '')]
  const pattern = streaming ? call?.streamPath : call?.path
  if (!call || pattern === undefined || (model === '' && pattern.includes('{model}'))) return undefined
  return { path: pattern.replace('{model}', () => segmentOf(model)), call }
}

/** A segment of a path. Vertex AI writes versions behind `@`, which may stand as it is. */
function segmentOf(model: string): string {
  return encodeURIComponent(model).replaceAll('%40', '@')
}
