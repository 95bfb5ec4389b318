import type { Reading, WireApi } from '../providers/apis/wire-api.ts'
import type { JsonObject } from '../wire/json/values.ts'

/** What was read of the content while it passed. */
export interface ContentReading {
  readonly api: WireApi | undefined
  readonly requestModel: string | undefined
  /** The parsed request, when it was small enough; estimates read its text. */
  readonly request: JsonObject | undefined
  /** Those of the request's members that are looked at however large it is. */
  readonly requestMembers: JsonObject
  readonly response: Reading
  /** Offset of the first generated content of a stream; -1 when none came. */
  readonly firstTokenUs: number
  /** The answer came as a stream, whatever its type says. */
  readonly streamed: boolean
  /** Something of the answer was read: an event, a message, a JSON object. */
  readonly understood: boolean
  readonly notes: readonly string[]
  readonly requestBody: CapturedBody | undefined
  readonly responseBody: CapturedBody | undefined
}

/** A captured body; absent altogether when bodies are not captured. */
export interface CapturedBody {
  readonly bytes: Uint8Array
  readonly truncated: boolean
}
