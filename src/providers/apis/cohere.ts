import { disjoint } from '../../usage/usage.ts'
import { countOf, objectOf, objectsOf, textOf, type JsonObject } from '../../wire/json/values.ts'
import type { Reading, WireApi } from './wire-api.ts'

/**
 * Cohere's chat and embed, of the first and second API. `billed_units` are charged. `tokens` also hold the chat
 * template, and cached tokens are a part of them, so they stay in the raw usage and out of the buckets.
 *
 * @see https://docs.cohere.com/reference/chat
 */
export const cohereChat: WireApi = {
  name: 'cohere_chat',
  operation: 'chat',
  answeredOnce: true,
  outputLimits: ['max_tokens'],

  readResponse(reading, response) {
    readUsage(reading, objectOf(response['usage']) ?? objectOf(response['meta']))
    reading.responseId ??= textOf(response['id']) ?? textOf(response['generation_id'])
    readEnd(reading, response)
    if (typeof response['text'] === 'string') reading.output.add(response['text'])
    for (const part of objectsOf(objectOf(response['message'])?.['content'])) {
      reading.output.add(textOf(part['text']) ?? textOf(part['thinking']) ?? '')
    }
    if (!reading.usage && typeof response['message'] === 'string') fail(reading, response['message'])
  },

  foldEvent(reading, event) {
    const type = textOf(event['type']) ?? textOf(event['event_type'])
    const delta = objectOf(event['delta'])
    if (type === 'message-end' || type === 'stream-end') {
      const whole = delta ?? objectOf(event['response'])
      readUsage(reading, objectOf(whole?.['usage']) ?? objectOf(whole?.['meta']))
      readEnd(reading, delta ?? event)
      return false
    }
    // An error has no type, and nothing but a text.
    if (type === undefined && typeof event['message'] === 'string') fail(reading, event['message'])
    reading.responseId ??= textOf(event['id']) ?? textOf(event['generation_id'])
    const text = textOfDelta(event, objectOf(delta?.['message']))
    if (text === '') return false
    reading.output.add(text)
    return true
  },

  meter: ({ usage }, notes) => {
    const billed = objectOf(usage?.['billed_units'])
    if (!billed) return []
    const images = countOf(billed['image_tokens'])
    const searches = countOf(billed['search_units'])
    return [
      {
        ...disjoint(
          {
            input: (countOf(billed['input_tokens']) ?? 0) + (images ?? 0),
            output: countOf(billed['output_tokens']) ?? 0,
            inputImage: images,
          },
          notes,
        ),
        ...(searches ? { units: { search_units: searches } } : {}),
      },
    ]
  },
}

/** Embed reads the same and writes nothing. */
export const cohereEmbed: WireApi = {
  ...cohereChat,
  name: 'cohere_embed',
  operation: 'embeddings',
  answersNoText: true,
}

/** Reads why a response has ended: `ERROR` and the like are failures. */
function readEnd(reading: Reading, end: JsonObject): void {
  reading.complete = true
  const reason = textOf(end['finish_reason'])
  reading.finishReason = reason
  if (reason?.toUpperCase().startsWith('ERROR')) fail(reading, reason)
}

function fail(reading: Reading, error: string): void {
  reading.error = error.slice(0, 200)
  reading.complete = false
}

function readUsage(reading: Reading, usage: JsonObject | undefined): void {
  if (objectOf(usage?.['billed_units'])) reading.usage = usage
}

function textOfDelta(event: JsonObject, message: JsonObject | undefined): string {
  if (typeof event['text'] === 'string') return event['text']
  const content = objectOf(message?.['content'])
  const called = objectOf(objectOf(message?.['tool_calls'])?.['function'])
  for (const value of [
    content?.['text'],
    content?.['thinking'],
    message?.['tool_plan'],
    called?.['arguments'],
  ]) {
    if (typeof value === 'string') return value
  }
  return ''
}
