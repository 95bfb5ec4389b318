import type { Attributes } from '@opentelemetry/api'
import type { ModelCall } from '../traces/model-call.ts'
import { scrub } from './scrub.ts'

/**
 * A request's parameters, as attributes of the GenAI conventions. Texts are scrubbed.
 *
 * @param latest the conventions' own first release has two more
 * @see https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/
 */
export function callAttributes(call: ModelCall, latest: boolean): Attributes {
  const { choiceCount, stopSequences } = call
  const all = {
    'gen_ai.response.id': text(call.responseId),
    'gen_ai.request.max_tokens': call.maxTokens,
    'gen_ai.request.temperature': call.temperature,
    'gen_ai.request.top_p': call.topP,
    'gen_ai.request.top_k': call.topK,
    'gen_ai.request.seed': call.seed,
    'gen_ai.request.frequency_penalty': call.frequencyPenalty,
    'gen_ai.request.presence_penalty': call.presencePenalty,
    'gen_ai.request.choice.count': choiceCount === 1 ? undefined : choiceCount,
    'gen_ai.request.stop_sequences': stopSequences?.map(scrub),
    ...(latest
      ? {
          'gen_ai.request.reasoning.level': text(call.reasoningLevel),
          'gen_ai.request.previous_response.id': text(call.previousResponseId),
        }
      : {}),
  }
  const attributes: Attributes = {}
  for (const [name, value] of Object.entries(all)) if (value !== undefined) attributes[name] = value
  return attributes
}

function text(value: string | undefined): string | undefined {
  return value === undefined ? undefined : scrub(value)
}
