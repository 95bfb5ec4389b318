import { countOf, objectOf, textOf } from '../../wire/json/values.ts'
import { meterOpenAI } from './openai-usage.ts'
import { takeUsage } from './take-usage.ts'
import type { WireApi, WireApiName } from './wire-api.ts'

/**
 * Moderations are free at OpenAI and report nothing; at Mistral they are billed by the token and say so.
 *
 * @see https://platform.openai.com/docs/api-reference/moderations
 * @see https://docs.mistral.ai/api/endpoint/classifiers
 */
export const moderations = billedWhenReported('moderations')

/**
 * Conversations keep items at OpenAI, free of charge; at Mistral they run an agent and report what it used.
 *
 * @see https://docs.mistral.ai/api/endpoint/beta/conversations
 */
export const conversations = billedWhenReported('conversations')

function billedWhenReported(name: WireApiName): WireApi {
  return {
    name,
    operation: 'chat',
    freeUnlessReported: true,
    readResponse(reading, response) {
      reading.model ??= textOf(response['model'])
      const usage = objectOf(response['usage'])
      takeUsage(reading, usage)
      reading.complete = true
    },
    foldEvent(reading, event) {
      const usage = objectOf(event['usage'])
      takeUsage(reading, usage)
      if (event['type'] === 'conversation.response.done') reading.complete = true
      if (event['type'] === 'conversation.response.error')
        reading.error = String(countOf(event['code']) ?? 'error')
      return false
    },
    meter: meterOpenAI,
  }
}
