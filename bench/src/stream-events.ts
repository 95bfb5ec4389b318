/** A wire API that the bench streams. */
export type StreamApi = 'chat_completions' | 'messages'

/** What a request for a stream has, and what the stream of a wire API is made of. */
export interface StreamShape {
  /** Path below the base URL. */
  readonly path: string
  /** Content of the request. */
  readonly request: string
  /** What comes before the marked events. */
  readonly opening: string
  /** Marked events of different lengths, each written alone. */
  readonly events: readonly string[]
  /** What comes after them: the usage, and the end of the stream. */
  readonly closing: string
  /** How a complete stream ends. */
  readonly lastLine: string
}

/** The first byte of a mark; it occurs nowhere else in a stream. */
const MARK = '~'

/** Digits of the number of the event in its stream. */
const NUMBER_DIGITS = 6

/** Digits of the time of sending, in microseconds since the process started. */
const TIME_DIGITS = 12
const MARK_LENGTH = MARK.length + NUMBER_DIGITS + TIME_DIGITS
const BLANK_MARK = MARK + '0'.repeat(NUMBER_DIGITS + TIME_DIGITS)

/** Characters added to the shortest event: tokens are short, words are not. */
const EXTRA = [0, 3, 10, 40, 6, 1, 21, 60, 2, 12, 5, 90, 4, 30, 8, 0]
const extra = (length: number): string => ' word'.repeat(20).slice(0, length)

const CHUNK =
  '{"id":"chatcmpl-D0a1b2","object":"chat.completion.chunk","created":1790000000,"model":"gpt-5.4-mini"'

/** Chat Completions events of 200 to 290 bytes, and Messages events of 120 to 210, as their providers send them. */
export const STREAM_SHAPES: Readonly<Record<StreamApi, StreamShape>> = {
  chat_completions: {
    path: '/v1/chat/completions',
    request: '{"model":"gpt-5.4-mini","stream":true,"messages":[{"role":"user","content":"Say hello."}]}',
    opening: `data: ${CHUNK},"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null}\n\n`,
    events: EXTRA.map(
      (length) =>
        `data: ${CHUNK},"choices":[{"index":0,"delta":{"content":"${extra(length)}"},"finish_reason":null}],"usage":null,"obfuscation":"${BLANK_MARK}"}\n\n`,
    ),
    closing: `data: ${CHUNK},"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}\n\ndata: ${CHUNK},"choices":[],"usage":{"prompt_tokens":21,"completion_tokens":200,"total_tokens":221}}\n\ndata: [DONE]\n\n`,
    lastLine: 'data: [DONE]\n\n',
  },
  messages: {
    path: '/v1/messages',
    request:
      '{"model":"claude-haiku-5","max_tokens":4096,"stream":true,"messages":[{"role":"user","content":"Say hello."}]}',
    opening:
      'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-haiku-5","content":[],"stop_reason":null,"usage":{"input_tokens":21,"output_tokens":1}}}\n\nevent: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n',
    events: EXTRA.map(
      (length) =>
        `event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"${BLANK_MARK}${extra(length)}"}}\n\n`,
    ),
    closing:
      'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\nevent: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":200}}\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n',
    lastLine: 'data: {"type":"message_stop"}\n\n',
  },
}

/** One HTTP chunk, RFC 9112 section 7.1. */
export function httpChunk(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`
}

/** Writes number and time of sending into an event, in place. @param at where its mark begins, from `markOf` */
export function mark(event: Buffer, at: number, number: number, timeMs: number): void {
  const time = String(Math.round(timeMs * 1000)).padStart(TIME_DIGITS, '0')
  event.write(String(number).padStart(NUMBER_DIGITS, '0') + time, at + MARK.length, 'latin1')
}

/** Where the mark of an event begins. */
export function markOf(event: Buffer): number {
  return event.indexOf(MARK)
}

/**
 * Shows each whole mark of a piece of a stream, in order.
 *
 * @returns how much of the text has been read: what follows it may be the beginning of a mark
 */
export function readMarks(text: string, show: (number: number, timeMs: number) => void): number {
  let read = 0
  for (;;) {
    const at = text.indexOf(MARK, read)
    if (at < 0) return text.length
    if (at + MARK_LENGTH > text.length) return at
    const digits = at + MARK.length
    show(
      Number(text.slice(digits, digits + NUMBER_DIGITS)),
      Number(text.slice(digits + NUMBER_DIGITS, at + MARK_LENGTH)) / 1000,
    )
    read = at + MARK_LENGTH
  }
}
