import { NO_PARTS, type ModelUsage } from '../../usage/usage.ts'
import { amountOf, objectOf, textOf, type JsonObject } from '../../wire/json/values.ts'
import { readResponseError } from './response-error.ts'
import { readOpenAIUsage } from './openai-usage.ts'
import { takeBill, type Reading, type WireApi } from './wire-api.ts'

/**
 * Realtime over WebSocket: a session is the sum of its `response.done` events; the transcription of what the user said
 * is another model's bill.
 *
 * @see https://platform.openai.com/docs/api-reference/realtime
 */
export const realtime: WireApi = {
  name: 'realtime',
  operation: 'chat',

  readResponse: () => {},

  foldEvent(reading, event) {
    const type = textOf(event['type']) ?? ''
    if (type.endsWith('.delta')) return typeof event['delta'] === 'string' && event['delta'] !== ''
    switch (type) {
      case 'session.created':
      case 'session.updated':
      case 'transcription_session.updated': {
        const session = objectOf(event['session'])
        reading.model = textOf(session?.['model']) ?? reading.model
        reading.responseId ??= textOf(session?.['id'])
        transcriberOf(reading, session)
        return false
      }
      case 'response.created':
        // A session continues after an error. The state of its last response counts.
        reading.error = undefined
        reading.complete = false
        return false
      case 'response.done': {
        takeResponse(reading, objectOf(event['response']) ?? {}, objectOf(event['usage']))
        return false
      }
      case 'conversation.item.input_audio_transcription.completed': {
        takeTranscription(reading, event)
        return false
      }
      default:
        return false
    }
  },

  readMessage(message) {
    return textOf(objectOf(message['session'])?.['model'])
  },

  meter: ({ bills }) => bills,
}

/** @param beside usage next to the response instead of in it, as xAI has it */
function takeResponse(reading: Reading, response: JsonObject, beside: JsonObject | undefined): void {
  reading.finishReason = textOf(response['status']) ?? reading.finishReason
  reading.complete = true
  if (response['status'] === 'failed') {
    reading.error = readResponseError(objectOf(response['status_details']) ?? {}) ?? 'failed'
  }
  const inside = objectOf(response['usage'])
  const usage = inside && Object.keys(inside).length > 0 ? inside : beside
  const id = textOf(response['id']) ?? ''
  if (!usage) return
  reading.usage = usage
  takeBill(reading, id, {
    ...readOpenAIUsage(usage, reading.notes),
    ...(reading.model ? { model: reading.model } : {}),
  })
}

/** Name of the transcription model, which only the session's settings have. */
function transcriberOf(reading: Reading, session: JsonObject | undefined): void {
  const input = objectOf(objectOf(session?.['audio'])?.['input'])
  const settings = objectOf(input?.['transcription']) ?? objectOf(session?.['input_audio_transcription'])
  const model = textOf(settings?.['model'])
  if (model) reading.transcriber = model
}

function takeTranscription(reading: Reading, event: JsonObject): void {
  const usage = objectOf(event['usage'])
  const id = `transcription ${textOf(event['item_id']) ?? ''}`
  if (!usage) return
  const seconds = amountOf(usage['seconds'])
  const counted: ModelUsage =
    seconds === undefined
      ? readOpenAIUsage(usage, reading.notes)
      : { usage: {}, parts: NO_PARTS, units: { audio_seconds: seconds } }
  takeBill(reading, id, { ...counted, model: reading.transcriber ?? 'unknown', apart: 'transcription' })
}
