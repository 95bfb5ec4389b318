import { NO_PARTS } from '../../usage/usage.ts'
import { amountOf, objectOf, textOf } from '../../wire/json/values.ts'
import { meterOpenAI, readWhole } from './openai-usage.ts'
import { takeUsage } from './take-usage.ts'
import type { WireApi } from './wire-api.ts'

/**
 * Transcriptions and translations: JSON, stream, or plain text that reports nothing. Usage is in tokens or in seconds.
 *
 * @see https://platform.openai.com/docs/api-reference/audio/createTranscription
 */
export const audioTranscriptions: WireApi = {
  name: 'audio_transcriptions',
  operation: 'generate_content',
  notEstimated: true,

  readResponse(reading, response) {
    // Servers without a usage object give the length of the audio in their verbose response.
    const seconds = amountOf(response['duration'])
    readWhole(
      reading,
      response,
      objectOf(response['usage']) ?? (seconds === undefined ? undefined : { seconds }),
    )
  },

  foldEvent(reading, event) {
    const type = textOf(event['type']) ?? ''
    reading.model ??= textOf(event['model'])
    const usage = objectOf(event['usage'])
    takeUsage(reading, usage)
    // OpenAI and Mistral name the end of a streamed transcription each in their own way.
    if (type === 'transcript.text.done' || type === 'transcription.done') reading.complete = true
    return type.endsWith('.delta')
  },

  meter: meterOpenAI,
}

/**
 * Speech: a file of audio, which reports nothing, or a stream whose end reports tokens.
 *
 * @see https://platform.openai.com/docs/api-reference/audio/createSpeech
 */
export const audioSpeech: WireApi = {
  name: 'audio_speech',
  operation: 'generate_content',
  notEstimated: true,

  readResponse: () => {},

  foldEvent(reading, event) {
    const usage = objectOf(event['usage'])
    takeUsage(reading, usage)
    if (event['type'] === 'speech.audio.done') reading.complete = true
    return event['type'] === 'speech.audio.delta'
  },

  readRequest(reading, request) {
    if (typeof request['input'] === 'string')
      reading.toolCalls.set('characters', [...request['input']].length)
  },

  meter(reading, notes) {
    const characters = reading.toolCalls.get('characters')
    if (reading.usage || !reading.complete || characters === undefined) return meterOpenAI(reading, notes)
    return [{ usage: {}, parts: NO_PARTS, units: { billable_characters: characters } }]
  },
}
