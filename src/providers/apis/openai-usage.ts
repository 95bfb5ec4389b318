import { checkTotal, disjoint, type ModelUsage, type Unit, type Units } from '../../usage/usage.ts'
import { amountOf, countOf, objectOf, textOf, type JsonObject } from '../../wire/json/values.ts'
import { NO_CHARGE, readCharge } from './reported-charge.ts'
import { takeUsage } from './take-usage.ts'
import type { Reading } from './wire-api.ts'

/**
 * Reads a usage object of the OpenAI family: Chat Completions, Responses, Embeddings, Images, Audio, Realtime and their
 * dialects.
 *
 * Cached, written, audio and image tokens are inside the input, reasoning inside the output. Where the total exceeds
 * input and output by the reasoning count (xAI) or by an amount without a name (Gemini's OpenAI endpoint), the gap
 * is output.
 *
 * @see https://platform.openai.com/docs/api-reference/chat/object#chat-object-usage
 */
export function readOpenAIUsage(usage: JsonObject, notes: string[]): ModelUsage {
  const total = countOf(usage['total_tokens'])
  const givenInput = countOf(usage['prompt_tokens']) ?? countOf(usage['input_tokens'])
  const givenOutput = countOf(usage['completion_tokens']) ?? countOf(usage['output_tokens'])
  const input = givenInput ?? (givenOutput === undefined ? total : undefined) ?? 0
  const inputDetails =
    objectOf(usage['prompt_tokens_details']) ??
    objectOf(usage['input_tokens_details']) ??
    objectOf(usage['input_token_details']) ??
    NO_DETAILS
  const outputDetails =
    objectOf(usage['completion_tokens_details']) ??
    objectOf(usage['output_tokens_details']) ??
    objectOf(usage['output_token_details']) ??
    NO_DETAILS
  const cached = objectOf(inputDetails['cached_tokens_details'])
  let reasoning = countOf(outputDetails['reasoning_tokens']) ?? 0
  let output = givenOutput ?? 0
  if (total !== undefined && total > input + output) {
    const gap = total - input - output
    output += gap
    // A gap without a name is thinking that was left out of the completion.
    if (reasoning === 0) reasoning = gap
    else if (gap !== reasoning)
      notes.push(`total_tokens exceeds input and output by ${gap}; counted as output`)
  }
  const written = countOf(inputDetails['cache_write_tokens']) ?? 0
  const lifetimes = objectOf(inputDetails['cache_write_tokens_details'])
  const written30m = Math.min(countOf(lifetimes?.['ttl_30m_tokens']) ?? 0, written)
  const written12h = Math.min(countOf(lifetimes?.['ttl_12h_tokens']) ?? 0, written - written30m)
  const read = disjoint(
    {
      input,
      output,
      cacheRead:
        countOf(inputDetails['cached_tokens']) ??
        countOf(usage['prompt_cache_hit_tokens']) ??
        countOf(usage['num_cached_tokens']) ??
        countOf(usage['cached_tokens']),
      cacheReadAudio: countOf(cached?.['audio_tokens']),
      cacheReadImage: countOf(cached?.['image_tokens']),
      cacheWrite: written - written30m - written12h,
      cacheWrite30m: written30m,
      cacheWrite12h: written12h,
      reasoning,
      inputAudio: countOf(inputDetails['audio_tokens']),
      inputImage: countOf(inputDetails['image_tokens']),
      inputVideo: countOf(inputDetails['video_tokens']),
      outputAudio: countOf(outputDetails['audio_tokens']),
      outputImage: countOf(outputDetails['image_tokens']),
    },
    notes,
  )
  checkTotal(read, total, notes)
  const units = unitsOf(usage)
  const charge = readCharge(usage)
  // Most have neither.
  if (!units && charge === NO_CHARGE) return read
  return { ...read, ...(units ? { units } : {}), ...charge }
}

const NO_DETAILS: JsonObject = {}

/**
 * Units that are billed besides tokens: seconds of audio (OpenAI, Mistral, xAI), searches (OpenRouter), a fee a request
 * (Perplexity), calls of server-side tools (xAI).
 */
function unitsOf(usage: JsonObject): Units | undefined {
  const seconds =
    amountOf(usage['seconds']) ??
    amountOf(usage['prompt_audio_seconds']) ??
    amountOf(usage['billable_audio_seconds'])
  const searches = countOf(objectOf(usage['server_tool_use'])?.['web_search_requests'])
  const tools = objectOf(usage['server_side_tool_usage_details'])
  const fee = textOf(usage['search_context_size']) !== undefined
  if (!tools && !seconds && !searches && !fee) return undefined
  const called = Object.entries(SERVER_SIDE_TOOLS).flatMap(([name, unit]) => {
    const count = countOf(tools?.[name])
    return count ? [[unit, count] as const] : []
  })
  const units: Units = {
    ...Object.fromEntries(called),
    ...(seconds ? { audio_seconds: seconds } : {}),
    ...(searches ? { web_searches: searches } : {}),
    ...(fee ? { requests: 1 } : {}),
  }
  return Object.keys(units).length > 0 ? units : undefined
}

/** xAI's own counts of its tools, and the units that are billed. */
const SERVER_SIDE_TOOLS: Readonly<Record<string, Unit>> = {
  web_search_calls: 'web_searches',
  x_search_calls: 'x_searches',
  code_interpreter_calls: 'code_runs',
  file_search_calls: 'file_searches',
}

/** Reads a complete response: its model, its usage (`usage` unless another object is given), its end. */
export function readWhole(
  reading: Reading,
  response: JsonObject,
  usage: JsonObject | undefined = objectOf(response['usage']),
): void {
  reading.model ??= textOf(response['model'])
  takeUsage(reading, usage)
  reading.complete = true
}

/** Bills of a response with one usage object of this family, besides those that were complete before. */
export function meterOpenAI(reading: Reading, notes: string[]): readonly ModelUsage[] {
  if (!reading.usage) return reading.bills
  const own = readOpenAIUsage(reading.usage, notes)
  return reading.bills.length === 0 ? [own] : [...reading.bills, own]
}
