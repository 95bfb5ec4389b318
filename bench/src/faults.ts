import type { Socket } from 'node:net'
import { type Play, respond, stream, Upstream } from '../../test/support/upstream.ts'

/** How long an upstream takes to begin a response, in milliseconds. */
const RESPONSE_MS = 5

/** How the first target of a name fails. */
export interface Fault {
  readonly name: string
  /** Clients ask for streams. */
  readonly streams: boolean
  /** It opens a breaker. */
  readonly opens: boolean
  /** `undefined`: nothing listens at the target, so it cannot count its attempts. */
  readonly play: Play | undefined
}

const JSON_FIELDS = { 'Content-Type': 'application/json' }
const event = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`
const ROLE = event({ id: 'x', model: 'm', choices: [{ index: 0, delta: { role: 'assistant' } }] })
const WORD = event({ id: 'x', model: 'm', choices: [{ index: 0, delta: { content: 'word ' } }] })
const USAGE = { prompt_tokens: 21, completion_tokens: 5, total_tokens: 26 }
const STOP = event({
  id: 'x',
  model: 'm',
  choices: [{ index: 0, delta: {}, finish_reason: 'stop' }],
  usage: USAGE,
})
const WORDS = 5

/** A healthy target. */
const RESPONDS = later(
  respond(
    200,
    JSON_FIELDS,
    JSON.stringify({
      id: 'x',
      object: 'chat.completion',
      model: 'm',
      choices: [{ index: 0, message: { role: 'assistant', content: 'word' }, finish_reason: 'stop' }],
      usage: USAGE,
    }),
  ),
)
const STREAMS = later(stream([ROLE, ...Array.from({ length: WORDS }, () => WORD), STOP, 'data: [DONE]\n\n']))

const error = (status: number, value: object, fields: Readonly<Record<string, string>> = {}): Play =>
  later(respond(status, { ...JSON_FIELDS, ...fields }, JSON.stringify({ error: value })))

/** What is tried. `outage` is first, and lasts longest. */
export const FAULTS: readonly Fault[] = [
  { name: 'outage', streams: false, opens: true, play: error(503, { message: 'unavailable' }) },
  { name: 'gone', streams: false, opens: false, play: undefined },
  {
    name: '429-with-fields',
    streams: false,
    opens: false,
    play: error(429, { code: 'rate_limit_exceeded' }, { 'Retry-After': '5' }),
  },
  {
    name: '429-without-fields',
    streams: false,
    opens: false,
    play: error(429, { code: 'rate_limit_exceeded' }),
  },
  { name: 'slow-first-byte', streams: false, opens: true, play: (_, socket) => closed(socket) },
  { name: 'truncated-stream', streams: true, opens: true, play: later(stream([ROLE], { cut: true })) },
  {
    name: 'overload-in-stream',
    streams: true,
    opens: true,
    play: later(stream([ROLE, event({ error: { type: 'overloaded_error', message: 'Overloaded' } })])),
  },
  { name: 'dead-credential', streams: false, opens: false, play: error(401, { code: 'invalid_api_key' }) },
  {
    name: '400-that-means-overload',
    streams: false,
    opens: true,
    play: error(400, { message: 'no capacity left' }),
  },
]

/** Whether a client got all of a good response. */
export function isWhole(status: number, text: string, streams: boolean): boolean {
  if (status !== 200) return false
  if (!streams) return text.includes('"chat.completion"')
  return (
    text.split('word ').length === WORDS + 1 && text.endsWith('data: [DONE]\n\n') && !text.includes('"error"')
  )
}

/** An attempt as its target saw it. Times are milliseconds of `performance.now()`. */
export interface SeenAttempt {
  readonly at: number
  /** When the target was done with it; `Infinity` until then. */
  endedAt: number
}

/** A target that fails when it is told to. */
export class FaultyTarget {
  /** Attempts since it fails. */
  readonly attempts: SeenAttempt[] = []
  readonly url: string
  readonly #upstream: Upstream

  private constructor(upstream: Upstream) {
    this.#upstream = upstream
    this.url = upstream.url
  }

  /** @param streams whether it responds with streams */
  static async start(streams: boolean): Promise<FaultyTarget> {
    return new FaultyTarget(await Upstream.start(streams ? STREAMS : RESPONDS))
  }

  async fail({ play }: Fault): Promise<void> {
    if (!play) return this.#upstream.stop()
    this.#upstream.play = async (request, socket) => {
      const attempt = { at: performance.now(), endedAt: Infinity }
      this.attempts.push(attempt)
      await play(request, socket)
      attempt.endedAt = performance.now()
    }
  }

  stop(): Promise<void> {
    return this.#upstream.stop()
  }
}

function later(play: Play): Play {
  return async (request, socket) => {
    await Bun.sleep(RESPONSE_MS)
    await play(request, socket)
  }
}

async function closed(socket: Socket): Promise<void> {
  if (!socket.closed) await new Promise<void>((resolve) => socket.once('close', () => resolve()))
}
