import { checkTotal, disjoint, type ModelUsage } from '../../usage/usage.ts'
import { countOf, objectOf, objectsOf, parseObject, textOf, type JsonObject } from '../../wire/json/values.ts'
import { messages } from './messages.ts'
import { foldEvent } from './read-response.ts'
import { takeUsage } from './take-usage.ts'
import type { Reading, WireApi } from './wire-api.ts'

/**
 * Amazon Bedrock's Converse and ConverseStream. Input leaves cached tokens out; `cacheReadInputTokenCount` repeats
 * `cacheReadInputTokens`; objects called usage inside `trace` are units of guardrails.
 *
 * @see https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
 */
export const bedrockConverse: WireApi = {
  name: 'bedrock_converse',
  operation: 'chat',
  answeredOnce: true,
  outputLimits: ['inferenceConfig.maxTokens'],

  readResponse(reading, response) {
    readConverse(reading, response)
    for (const part of objectsOf(objectOf(objectOf(response['output'])?.['message'])?.['content'])) {
      reading.output.add(textOf(part['text']) ?? '')
    }
    reading.finishReason = textOf(response['stopReason'])
    if (reading.finishReason) reading.complete = true
    else if (typeof response['message'] === 'string') reading.error = response['message'].slice(0, 200)
  },

  foldEvent(reading, event, name) {
    readConverse(reading, event)
    if (name === 'messageStop') {
      reading.finishReason = textOf(event['stopReason'])
      reading.complete = true
    }
    const delta = objectOf(event['delta'])
    const text =
      delta?.['text'] ??
      objectOf(delta?.['reasoningContent'])?.['text'] ??
      objectOf(delta?.['toolUse'])?.['input']
    if (typeof text !== 'string' || text === '') return false
    reading.output.add(text)
    return true
  },

  meter: ({ usage }, notes) => (usage ? [converseUsage(usage, notes)] : []),
}

/**
 * Amazon Bedrock's InvokeModel and its stream: the body is the model's own, the counts stand in header fields or in the
 * stream's last chunk.
 *
 * @see https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html
 */
export const bedrockInvoke: WireApi = {
  name: 'bedrock_invoke',
  operation: 'chat',
  notEstimated: true,

  readResponse(reading, response) {
    if (response['type'] === 'message') return messages.readResponse(reading, response)
    const usage = objectOf(response['usage'])
    takeUsage(reading, usage)
    reading.complete = true
    return undefined
  },

  foldEvent(reading, event) {
    const bytes = textOf(event['bytes'])
    if (!bytes) return false
    const chunk = parseObject(Buffer.from(bytes, 'base64').toString('utf8'))
    if (!chunk) return false
    const metrics = objectOf(chunk['amazon-bedrock-invocationMetrics'])
    if (metrics) {
      reading.invocation = metrics
      reading.complete = true
    }
    return foldEvent(messages, reading, chunk, '')
  },

  readFields(reading, fields) {
    const counts: Record<string, number> = {}
    for (const [field, name] of Object.entries(COUNT_FIELDS)) {
      const value = Number(fields[field] ?? Number.NaN)
      if (Number.isSafeInteger(value) && value >= 0) counts[name] = value
    }
    if (Object.keys(counts).length > 0) reading.invocation = counts
  },

  meter(reading, notes) {
    const { usage, invocation } = reading
    // The body's own usage has more (lifetimes, thinking). Every model has the counts of the envelope.
    if (usage && 'input_tokens' in usage) return messages.meter(reading, notes)
    if (usage && 'inputTokens' in usage) return [converseUsage(usage, notes)]
    if (!invocation) return []
    const counts: JsonObject = {
      inputTokens: invocation['inputTokenCount'],
      outputTokens: invocation['outputTokenCount'],
      cacheReadInputTokens: invocation['cacheReadInputTokenCount'],
      cacheWriteInputTokens: invocation['cacheWriteInputTokenCount'],
    }
    return [converseUsage(counts, notes)]
  },
}

const COUNT_FIELDS: Readonly<Record<string, string>> = {
  'x-amzn-bedrock-input-token-count': 'inputTokenCount',
  'x-amzn-bedrock-output-token-count': 'outputTokenCount',
  'x-amzn-bedrock-cache-read-input-token-count': 'cacheReadInputTokenCount',
  'x-amzn-bedrock-cache-write-input-token-count': 'cacheWriteInputTokenCount',
}

function readConverse(reading: Reading, object: JsonObject): void {
  const usage = objectOf(object['usage'])
  takeUsage(reading, usage)
  reading.serviceTier = textOf(objectOf(object['serviceTier'])?.['type']) ?? reading.serviceTier
}

function converseUsage(usage: JsonObject, notes: string[]): ModelUsage {
  const cacheRead = countOf(usage['cacheReadInputTokens']) ?? countOf(usage['cacheReadInputTokenCount']) ?? 0
  const written = countOf(usage['cacheWriteInputTokens']) ?? countOf(usage['cacheWriteInputTokenCount']) ?? 0
  const lifetime = (ttl: string): number =>
    objectsOf(usage['cacheDetails'])
      .filter((entry) => entry['ttl'] === ttl)
      .reduce((sum, entry) => sum + (countOf(entry['inputTokens']) ?? 0), 0)
  const cacheWrite1h = Math.min(lifetime('1h'), written)
  const cacheWrite5m = Math.min(lifetime('5m'), written - cacheWrite1h)
  const read = disjoint(
    {
      input: (countOf(usage['inputTokens']) ?? 0) + cacheRead + written,
      output: countOf(usage['outputTokens']) ?? 0,
      cacheRead,
      cacheWrite: written - cacheWrite1h - cacheWrite5m,
      cacheWrite5m,
      cacheWrite1h,
    },
    notes,
  )
  checkTotal(read, countOf(usage['totalTokens']), notes)
  return read
}
