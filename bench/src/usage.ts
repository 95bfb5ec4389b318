import { wireApiNamed } from '../../src/providers/registry.ts'
import { SideObservation } from '../../src/background/side-observation.ts'
import { median } from './measure.ts'

/** Chunks of one stream, and streams that are folded in a round. */
const CHUNKS = 2000
const STREAMS = 10
const ROUNDS = 7

const event = (value: object, name = ''): string =>
  `${name === '' ? '' : `event: ${name}\n`}data: ${JSON.stringify(value)}\n\n`

/** A stream as each API sends it: many small chunks, and the usage where it stands. */
const STREAM_OF: Readonly<Record<string, (index: number) => string>> = {
  chat_completions: (i) =>
    event({
      id: 'chatcmpl-1',
      object: 'chat.completion.chunk',
      created: 1,
      model: 'gpt-5.4-mini-2026-03-17',
      service_tier: 'default',
      choices: [{ index: 0, delta: { content: ` word${i}` }, logprobs: null, finish_reason: null }],
      usage: i === CHUNKS - 1 ? { prompt_tokens: 9, completion_tokens: 2000, total_tokens: 2009 } : null,
    }),
  responses: (i) =>
    i === CHUNKS - 1
      ? event({
          type: 'response.completed',
          response: { id: 'r', usage: { input_tokens: 9, output_tokens: 2000 } },
        })
      : event(
          {
            type: 'response.output_text.delta',
            item_id: 'msg',
            output_index: 0,
            content_index: 0,
            delta: ` word${i}`,
            sequence_number: i,
          },
          'response.output_text.delta',
        ),
  messages: (i) =>
    i === 0
      ? event(
          {
            type: 'message_start',
            message: { id: 'm', model: 'claude-opus-5-5', usage: { input_tokens: 9, output_tokens: 1 } },
          },
          'message_start',
        )
      : i === CHUNKS - 1
        ? event(
            { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 2000 } },
            'message_delta',
          )
        : event(
            { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: ` word${i}` } },
            'content_block_delta',
          ),
  generate_content: (i) =>
    event({
      candidates: [{ content: { parts: [{ text: ` word${i}` }], role: 'model' }, index: 0 }],
      usageMetadata: { promptTokenCount: 9, candidatesTokenCount: i + 1, totalTokenCount: 10 + i },
      modelVersion: 'gemini-3.8-flash',
    }),
}

/** `usage`: what reading a chunk of a stream costs the recorder, beside what parsing its JSON alone costs. */
export function benchUsage(): void {
  console.log('CPU to read one chunk of a stream, in microseconds [rounds]')
  for (const [api, chunk] of Object.entries(STREAM_OF)) {
    const texts = Array.from({ length: CHUNKS }, (_, i) => chunk(i))
    const bytes = Buffer.from(texts.join(''))
    const payloads = texts.map((text) => text.slice(text.indexOf('data: ') + 6).trimEnd())
    const reading = rounds(() => fold(api, bytes))
    const parsing = rounds(() => {
      for (const payload of payloads) JSON.parse(payload)
    })
    const [folded, parsed] = [median(reading), median(parsing)]
    console.log(
      `${api.padEnd(18)} ${folded.toFixed(2)} [${reading.map((us) => us.toFixed(2)).join(' ')}]  JSON.parse alone ${parsed.toFixed(2)}  ${(folded / parsed).toFixed(2)} ×`,
    )
  }
}

/** Reads a stream in pieces as the tap hands them over, and checks that its usage was found. */
function fold(api: string, bytes: Uint8Array): void {
  const facts = { mediaType: 'text/event-stream', codings: '' }
  const side = new SideObservation('response', wireApiNamed(api), facts, 0)
  for (let at = 0; at < bytes.length; at += 4096) void side.piece(bytes.subarray(at, at + 4096), [0, at])
  side.finish()
  const [bill] = wireApiNamed(api)!.meter(side.reading, [])
  if (!bill || side.firstTokenUs < 0) throw new Error(`the usage of ${api} was not found`)
}

/** Microseconds of CPU per chunk, round by round; the first is warm-up. */
function rounds(work: () => void): number[] {
  const results: number[] = []
  for (let round = 0; round <= ROUNDS; round++) {
    const before = process.cpuUsage()
    for (let i = 0; i < STREAMS; i++) work()
    const { user, system } = process.cpuUsage(before)
    if (round > 0) results.push((user + system) / (STREAMS * CHUNKS))
  }
  return results
}
