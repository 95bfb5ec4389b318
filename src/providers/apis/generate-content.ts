import { objectOf, objectsOf, textOf, type JsonObject } from '../../wire/json/values.ts'
import { hasCounts, readGeminiUsage } from './gemini-usage.ts'
import { countGrounding, groundingUnits } from './grounding.ts'
import { takeUsage } from './take-usage.ts'
import type { Reading, WireApi } from './wire-api.ts'

/**
 * Gemini's generateContent and streamGenerateContent (events, or one JSON array), embedContent and batchEmbedContents,
 * at the Gemini API and at Vertex AI. Counts are cumulative and start again at inner steps of built-in tools, so the last
 * `usageMetadata` that has counts is taken whole.
 *
 * @see https://ai.google.dev/api/generate-content
 */
export const generateContent: WireApi = {
  name: 'generate_content',
  operation: 'generate_content',
  answeredOnce: true,
  // Google takes its names in both cases.
  outputLimits: [
    'generationConfig.maxOutputTokens',
    'generationConfig.max_output_tokens',
    'generation_config.maxOutputTokens',
    'generation_config.max_output_tokens',
  ],
  answerCounts: [
    'generationConfig.candidateCount',
    'generationConfig.candidate_count',
    'generation_config.candidateCount',
    'generation_config.candidate_count',
  ],

  readResponse(reading, response) {
    generateContent.foldEvent(reading, response, '')
    // An embedding has no candidates to finish.
    reading.complete = true
  },

  foldEvent(reading, event) {
    const usage = objectOf(event['usageMetadata'])
    if (hasCounts(usage)) takeUsage(reading, usage)
    reading.model = textOf(event['modelVersion']) ?? reading.model
    reading.responseId ??= textOf(event['responseId'])
    reading.serviceTier =
      textOf(usage?.['serviceTier']) ?? textOf(usage?.['trafficType']) ?? reading.serviceTier
    const blocked = textOf(objectOf(event['promptFeedback'])?.['blockReason'])
    if (blocked) finish(reading, blocked)
    const before = reading.output.length
    for (const candidate of objectsOf(event['candidates'])) readCandidate(reading, candidate)
    return reading.output.length > before
  },

  meter({ usage, toolCalls }, notes) {
    if (!usage) return []
    return [{ ...readGeminiUsage(usage, notes), ...groundingUnits(toolCalls) }]
  },
}

/** Embeddings read the same and write nothing. */
export const embedContent: WireApi = {
  ...generateContent,
  name: 'embed_content',
  operation: 'embeddings',
  answersNoText: true,
}

function finish(reading: Reading, reason: string): void {
  reading.finishReason = reason
  reading.complete = true
}

function readCandidate(reading: Reading, candidate: JsonObject): void {
  const reason = textOf(candidate['finishReason'])
  if (reason) finish(reading, reason)
  for (const part of objectsOf(objectOf(candidate['content'])?.['parts'])) {
    if (typeof part['text'] === 'string') reading.output.add(part['text'])
    const call = objectOf(part['functionCall'])
    if (call) reading.output.add(JSON.stringify(call))
  }
  countGrounding(reading.toolCalls, objectOf(candidate['groundingMetadata']))
}
