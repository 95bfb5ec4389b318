import type { Reading, WireApi } from '../providers/apis/wire-api.ts'
import type { JsonObject } from '../wire/json/values.ts'

/** What was read from the content while it passed. */
export interface ContentReading {
  readonly api: WireApi | undefined
  readonly requestModel: string | undefined
  /** The parsed request, if small enough. Estimates read its text. */
  readonly request: JsonObject | undefined
  /** Members that are read from a request of any size. */
  readonly requestMembers: JsonObject
  readonly response: Reading
  /** Offset of the first generated content of a stream; -1 when none came. */
  readonly firstTokenUs: number
  /** The response was a stream, whatever its type says. */
  readonly streamed: boolean
  /** Something in the response was read: an event, a message, a JSON object. */
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
