import type { ModelUsage } from '../../usage/usage.ts'
import type { JsonObject } from '../../wire/json/values.ts'
import { TextSample } from './text-sample.ts'

/**
 * What an answer says of itself, gathered while it passes. Everything is absent until the answer says it;
 * a null on the wire never erases what was said before.
 */
export interface Reading {
  model?: string | undefined
  /** The provider's `usage` object as it came off the wire. */
  usage?: JsonObject | undefined
  /** Bills that are complete while the exchange goes on: responses of a session, lines of a batch. In order. */
  readonly bills: ModelUsage[]
  /** What was found while the bills were read, for the trace. */
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
  /** What the provider says of a prompt that its cache did not serve: its own word or object; absent on a hit. */
  cacheDiagnosis?: string | JsonObject | undefined
  /** The failure that the answer tells of, whatever its status: the provider's code. */
  error?: string | undefined
  /** The answer came to its own end. */
  complete?: boolean | undefined
  /** Counts that stand in the envelope of an answer (Bedrock) instead of in the answer. */
  invocation?: JsonObject | undefined
  /** Model that transcribes what the user of a Realtime session says. */
  transcriber?: string | undefined
  /** The response runs in the background, so that several exchanges may carry its end. */
  background?: boolean | undefined
  /** It goes on in the background: what it uses counts with the exchange that fetches it. */
  pending?: boolean | undefined
  /** Why what was billed cannot be told from the answer; absent when it can. */
  unmeasured?: string | undefined
  /** The provider keeps the response, so it may be fetched again by its id. */
  stored?: boolean | undefined
  /** Ids of responses on this connection whose bill was taken, so that none is taken twice. */
  billed?: Set<string> | undefined
}

/** An answer that has said nothing yet. */
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

/** Bills that one exchange may bring: a session, a file of results. What is beyond is said, and left out of the sum. */
const MAX_BILLS = 100_000

const TOO_MANY = `more than ${MAX_BILLS} bills; those beyond are not counted`

/**
 * Takes the bill of something that is complete while the exchange goes on.
 *
 * @param id what the provider calls it; the same is not taken twice. Empty where it has no name
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
  /** Nothing was billed when the answer reports nothing. */
  readonly freeUnlessReported?: true
  /** The answer repeats what another exchange consumed: it counts once, by `responseId`, however often it is fetched. */
  readonly fetches?: true
  /** The answer is lines of JSON, whatever its media type says. */
  readonly lines?: true
  /** The answer's text is not generated by the model that is billed, so its length estimates nothing. */
  readonly notEstimated?: true
  /**
   * A request gets its answers and is over, so that their limits bound its cost. Absent where work goes on behind the answer, where a
   * list of prompts is answered one by one, and where it is not known.
   */
  readonly answeredOnce?: boolean
  /** Its answers are numbers and choices, no text. */
  readonly answersNoText?: true
  /**
   * Where a request states the limit of one answer: names of members, joined by dots. What another API calls so does not count: the
   * provider ignores it, and a limit that is ignored bounds nothing.
   */
  readonly outputLimits?: readonly string[]
  /** Where it states how many answers it asks for. */
  readonly answerCounts?: readonly string[]
  /** Reads a whole JSON answer. */
  readResponse(reading: Reading, answer: JsonObject): void
  /**
   * Folds one event of a stream: an event's data, a line of NDJSON, an element of an array, a message.
   *
   * @param name the event's name on the wire; empty where it has none
   * @returns true when the event carried generated content
   */
  foldEvent(reading: Reading, event: JsonObject, name: string): boolean
  /** Reads one message of the client's on a WebSocket. @returns the model it asks for, if it does */
  readMessage?(message: JsonObject): string | undefined
  /** Reads what the answer leaves to the request: how many images were asked for, the text that is spoken. */
  readRequest?(reading: Reading, request: JsonObject): void
  /** Reads the answer's header fields, where usage comes in them. @param fields lower-case names */
  readFields?(reading: Reading, fields: Readonly<Record<string, string | readonly string[]>>): void
  /**
   * Turns what was gathered into bills; empty when nothing was reported. The first is the answer's own.
   *
   * @param notes takes what does not add up
   */
  meter(reading: Reading, notes: string[]): readonly ModelUsage[]
}
