import type { ModelUsage } from '../../usage/usage.ts'
import type { JsonObject } from '../../wire/json/values.ts'
import { TextSample } from './text-sample.ts'

/**
 * What a response says about itself, collected while it passes. A value is absent until the response has it. A null on the wire never erases
 * an earlier value.
 */
export interface Reading {
  model?: string | undefined
  /** The provider's `usage` object as it came off the wire. */
  usage?: JsonObject | undefined
  /** Bills that are complete while the exchange continues: responses of a session, lines of a batch. In order. */
  readonly bills: ModelUsage[]
  /** Notes from reading the bills, for the trace. */
  readonly notes: string[]
  /** Calls of built-in tools that are billed apart from tokens, by the provider's own type. */
  readonly toolCalls: Map<string, number>
  /** Text that the model wrote, for estimates when no usage comes. */
  readonly output: TextSample
  finishReason?: string | undefined
  serviceTier?: string | undefined
  /** Anthropic's `speed` and `inference_geo`, which change the price. */
  speed?: string | undefined
  inferenceGeo?: string | undefined
  responseId?: string | undefined
  /** Why the provider's cache did not serve the prompt, in the provider's word or object; absent on a hit. */
  cacheDiagnosis?: string | JsonObject | undefined
  /** The failure that the response reports, whatever its status: the provider's code. */
  error?: string | undefined
  /** The response came to its own end. */
  complete?: boolean | undefined
  /** Counts in the envelope of a response (Bedrock) instead of in the response. */
  invocation?: JsonObject | undefined
  /** Model that transcribes what the user of a Realtime session says. */
  transcriber?: string | undefined
  /** The response runs in the background, so that several exchanges may carry its end. */
  background?: boolean | undefined
  /** It continues in the background: its usage counts with the exchange that fetches it. */
  pending?: boolean | undefined
  /** Why the response does not show what was billed; absent when it does. */
  unmeasured?: string | undefined
  /** The provider keeps the response, so it may be fetched again by its id. */
  stored?: boolean | undefined
  /** Ids of responses on this connection whose bill was taken, so that none is taken twice. */
  billed?: Set<string> | undefined
}

/** The reading of a response before its first byte. */
export function emptyReading(): Reading {
  // Every field from the start: readings of one shape are read several times faster.
  return {
    model: undefined,
    usage: undefined,
    bills: [],
    notes: [],
    toolCalls: new Map(),
    output: new TextSample(),
    finishReason: undefined,
    serviceTier: undefined,
    speed: undefined,
    inferenceGeo: undefined,
    responseId: undefined,
    cacheDiagnosis: undefined,
    error: undefined,
    complete: undefined,
    invocation: undefined,
    transcriber: undefined,
    background: undefined,
    pending: undefined,
    unmeasured: undefined,
    stored: undefined,
    billed: undefined,
  }
}

/** Most bills of one exchange (a session, a file of results). Further bills are noted, and left out of the sum. */
const MAX_BILLS = 100_000

const TOO_MANY = `more than ${MAX_BILLS} bills; those beyond are not counted`

/**
 * Takes the bill of something that is complete while the exchange continues.
 *
 * @param id the provider's id; the same is not taken twice. Empty without one
 */
export function takeBill(reading: Reading, id: string, bill: ModelUsage): void {
  if (id !== '' && reading.billed?.has(id)) return
  if (reading.bills.length >= MAX_BILLS) {
    if (reading.notes.at(-1) !== TOO_MANY) reading.notes.push(TOO_MANY)
    return
  }
  if (id !== '') (reading.billed ??= new Set()).add(id)
  reading.bills.push(bill)
}

/** Names of the wire APIs, as traces show them. */
export type WireApiName =
  | 'async_completions'
  | 'audio_speech'
  | 'audio_transcriptions'
  | 'batch_results'
  | 'bedrock_converse'
  | 'bedrock_invoke'
  | 'cached_contents'
  | 'chat_completions'
  | 'cohere_chat'
  | 'cohere_embed'
  | 'completions'
  | 'count_tokens'
  | 'conversations'
  | 'decisions'
  | 'embed_content'
  | 'embeddings'
  | 'generate_content'
  | 'images'
  | 'inlined_results'
  | 'interactions'
  | 'live'
  | 'messages'
  | 'moderations'
  | 'ocr'
  | 'ollama_chat'
  | 'ollama_embed'
  | 'predict'
  | 'realtime'
  | 'rerank'
  | 'responses'
  | 'stored_completions'
  | 'stored_interactions'
  | 'stored_responses'
  | 'vector_stores'

/** One wire API: what the gateway needs to read of it, and no more. Pure. */
export interface WireApi {
  readonly name: WireApiName
  /** OpenTelemetry `gen_ai.operation.name`; `rerank` and `decisions` are our own words, the conventions have none. */
  readonly operation: 'chat' | 'text_completion' | 'embeddings' | 'generate_content' | 'rerank' | 'decisions'
  /** Nothing was billed when the response reports nothing. */
  readonly freeUnlessReported?: true
  /** The response repeats what another exchange consumed: it counts once, by `responseId`, however often it is fetched. */
  readonly fetches?: true
  /** The response is lines of JSON, whatever its media type says. */
  readonly lines?: true
  /** The response's text does not come from the billed model, so its length estimates nothing. */
  readonly notEstimated?: true
  /**
   * A request ends with its response, so output limits bound its cost. Absent when work continues after the response, when a list of
   * prompts gets a result each, and when it is not known.
   */
  readonly answeredOnce?: boolean
  /** Its output is numbers and choices, not text. */
  readonly answersNoText?: true
  /**
   * Where a request states the limit of one answer: names of members, joined by dots. Another API's name does not count: the provider
   * ignores it, and an ignored limit bounds nothing.
   */
  readonly outputLimits?: readonly string[]
  /** Where it states how many answers it wants. */
  readonly answerCounts?: readonly string[]
  /** Reads a whole JSON response. */
  readResponse(reading: Reading, response: JsonObject): void
  /**
   * Folds one event of a stream: an event's data, a line of NDJSON, an element of an array, a message.
   *
   * @param name the event's name on the wire; empty where it has none
   * @returns true when the event carried generated content
   */
  foldEvent(reading: Reading, event: JsonObject, name: string): boolean
  /**
   * The text of an event that holds nothing else: folding it again would only add the text, whatever its `obfuscation` and
   * `sequence_number` are. Absent where events are not known to be so.
   */
  readonly textDelta?: (event: JsonObject) => string | undefined
  /** Reads one message of the client's on a WebSocket. @returns the model it names, if any */
  readMessage?(message: JsonObject): string | undefined
  /** Reads what only the request has: the number of images, the text to speak. */
  readRequest?(reading: Reading, request: JsonObject): void
  /** Reads the response's header fields, if they have usage. @param fields lower-case names */
  readFields?(reading: Reading, fields: Readonly<Record<string, string | readonly string[]>>): void
  /**
   * Turns a reading into bills; empty when nothing was reported. The first is the response's own.
   *
   * @param notes takes what does not add up
   */
  meter(reading: Reading, notes: string[]): readonly ModelUsage[]
}
