import { checkTotal, disjoint, inputTokens, outputTokens, type ModelUsage } from '../../usage/usage.ts'
import { countOf, objectsOf, type JsonObject } from '../../wire/json/values.ts'

/**
 * Reads Gemini's `usageMetadata`, of generateContent, embeddings and the Live API. Thoughts and the prompts of tools are
 * beside the candidates and the prompt; cached tokens are inside the prompt.
 *
 * @see https://ai.google.dev/api/generate-content#UsageMetadata
 */
export function readGeminiUsage(usage: JsonObject, notes: string[]): ModelUsage {
  return billOf(
    {
      input: count(usage['promptTokenCount']) + count(usage['toolUsePromptTokenCount']),
      output: countOf(usage['candidatesTokenCount']) ?? count(usage['responseTokenCount']),
      thoughts: count(usage['thoughtsTokenCount']),
      cached: count(usage['cachedContentTokenCount']),
      total: countOf(usage['totalTokenCount']),
      inputBy: modalities(usage, ['promptTokensDetails', 'promptTokenDetails', 'toolUsePromptTokensDetails']),
      cachedBy: modalities(usage, ['cacheTokensDetails']),
      outputBy: modalities(usage, ['candidatesTokensDetails', 'responseTokensDetails']),
    },
    notes,
  )
}

/** Reads the usage of an interaction, which has names of its own for the same counts. */
export function readInteractionUsage(usage: JsonObject, notes: string[]): ModelUsage {
  return billOf(
    {
      input: count(usage['total_input_tokens']) + count(usage['total_tool_use_tokens']),
      output: count(usage['total_output_tokens']),
      thoughts: count(usage['total_thought_tokens']),
      cached: count(usage['total_cached_tokens']),
      total: countOf(usage['total_tokens']),
      inputBy: modalities(usage, ['input_tokens_by_modality', 'tool_use_tokens_by_modality']),
      cachedBy: modalities(usage, ['cached_tokens_by_modality']),
      outputBy: modalities(usage, ['output_tokens_by_modality']),
    },
    notes,
  )
}

/** Tokens of a modality; `undefined` when modalities are not reported. */
type ByModality = (modality: string) => number | undefined

interface GeminiCounts {
  readonly input: number
  /** Without the thoughts. */
  readonly output: number
  readonly thoughts: number
  readonly cached: number
  readonly total: number | undefined
  readonly inputBy: ByModality
  readonly cachedBy: ByModality
  readonly outputBy: ByModality
}

function billOf({ inputBy, cachedBy, outputBy, ...counts }: GeminiCounts, notes: string[]): ModelUsage {
  const bill = disjoint(
    {
      input: counts.input,
      output: counts.output + counts.thoughts,
      cacheRead: counts.cached,
      cacheReadAudio: cachedBy('AUDIO'),
      cacheReadImage: cachedBy('IMAGE'),
      reasoning: counts.thoughts,
      inputAudio: inputBy('AUDIO'),
      inputImage: inputBy('IMAGE'),
      inputVideo: inputBy('VIDEO'),
      outputAudio: outputBy('AUDIO'),
      outputImage: outputBy('IMAGE'),
    },
    notes,
  )
  checkTotal(bill, counts.total, notes)
  return bill
}

function count(value: unknown): number {
  return countOf(value) ?? 0
}

/** Whether a usage object counts anything at all; some chunks carry one that only names the traffic type. */
export function hasCounts(usage: JsonObject | undefined): usage is JsonObject {
  return usage !== undefined && Object.keys(usage).some((name) => name.endsWith('TokenCount'))
}

/** Whether a bill counted anything. */
export function isEmpty({ usage }: ModelUsage): boolean {
  return inputTokens(usage) + outputTokens(usage) === 0
}

/** Sums the tokens of a modality over lists of `{modality, tokenCount}` or `{modality, tokens}`. */
function modalities(usage: JsonObject, names: readonly string[]): ByModality {
  const entries = names.flatMap((name) => objectsOf(usage[name]))
  if (entries.length === 0) return () => undefined
  return (modality) =>
    entries
      .filter((entry) => String(entry['modality']).toUpperCase() === modality)
      .reduce((sum, entry) => sum + (countOf(entry['tokenCount']) ?? countOf(entry['tokens']) ?? 0), 0)
}
