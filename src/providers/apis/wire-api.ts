import type { ModelUsage } from '../../usage/usage.ts'
import type { JsonObject } from '../json.ts'

/**
 * What an answer says of itself, gathered while it passes. Everything is absent until the answer says it;
 * a null on the wire never erases what was said before.
 */
export interface Reading {
  model?: string | undefined
  /** The provider's `usage` object as it came off the wire. */
  usage?: JsonObject | undefined
  /** Usage objects of further responses on the same connection (WebSocket), each counted once. */
  earlier?: { readonly model?: string; readonly usage: JsonObject }[] | undefined
  finishReason?: string | undefined
  serviceTier?: string | undefined
  responseId?: string | undefined
  /** Error type or code, also inside a 200. */
  error?: string | undefined
  /** The answer came to its own end. */
  complete?: boolean | undefined
  /** Length of generated text in UTF-16 units, for estimates when no usage comes. */
  outputCharacters: number
}

/** One wire API: what the gateway needs to read of it, and no more. Pure. */
export interface WireApi {
  readonly name: 'chat_completions' | 'responses' | 'embeddings' | 'messages'
  /** OpenTelemetry `gen_ai.operation.name`. */
  readonly operation: 'chat' | 'embeddings'
  /** End of the path, as the provider documents it. Only POST (and WebSocket GET) are metered. */
  readonly pathSuffix: string
  /** Reads a whole JSON answer. */
  readAnswer(reading: Reading, answer: JsonObject): void
  /** Folds one stream event. @returns true when the event carried generated content. */
  foldEvent(reading: Reading, event: JsonObject): boolean
  /** Turns the wire's usage into disjoint counts; the first entry is the answer's own model. */
  readUsage(usage: JsonObject, notes: string[]): readonly ModelUsage[]
  /** Cost in USD that the provider itself reports, if it does. */
  readCostUsd(usage: JsonObject): number | undefined
}
