import { checkTotal, disjoint, inputTokens, outputTokens, type ModelUsage } from '../../usage/usage.ts'
import { countOf, objectsOf, type JsonObject } from '../json.ts'

/**
 * Reads Gemini's `usageMetadata`, of generateContent, embeddings and the Live API. Thoughts and the prompts of tools are
 * beside the candidates and the prompt; cached tokens are inside the prompt.
 *
 * @see https://ai.google.dev/api/generate-content#UsageMetadata
 */
export function readGeminiUsage(usage: JsonObject, notes: string[]): ModelUsage {
  const prompt = countOf(usage['promptTokenCount']) ?? 0
  const tools = countOf(usage['toolUsePromptTokenCount']) ?? 0
  const thoughts = countOf(usage['thoughtsTokenCount']) ?? 0
  const written = countOf(usage['candidatesTokenCount']) ?? countOf(usage['responseTokenCount']) ?? 0
  const input = modalities(usage, ['promptTokensDetails', 'promptTokenDetails', 'toolUsePromptTokensDetails'])
  const cached = modalities(usage, ['cacheTokensDetails'])
  const output = modalities(usage, ['candidatesTokensDetails', 'responseTokensDetails'])
  const read = disjoint(
    {
      input: prompt + tools,
      output: written + thoughts,
      cacheRead: countOf(usage['cachedContentTokenCount']),
      cacheReadAudio: cached('AUDIO'),
      cacheReadImage: cached('IMAGE'),
      reasoning: thoughts,
      inputAudio: input('AUDIO'),
      inputImage: input('IMAGE'),
      inputVideo: input('VIDEO'),
      outputAudio: output('AUDIO'),
      outputImage: output('IMAGE'),
    },
    notes,
  )
  checkTotal(read, countOf(usage['totalTokenCount']), notes)
  return read
}

/** Reads the usage of an interaction, which has names of its own for the same counts. */
export function readInteractionUsage(usage: JsonObject, notes: string[]): ModelUsage {
  const thoughts = countOf(usage['total_thought_tokens']) ?? 0
  const input = modalities(usage, ['input_tokens_by_modality', 'tool_use_tokens_by_modality'])
  const cached = modalities(usage, ['cached_tokens_by_modality'])
  const output = modalities(usage, ['output_tokens_by_modality'])
  const read = disjoint(
    {
      input: (countOf(usage['total_input_tokens']) ?? 0) + (countOf(usage['total_tool_use_tokens']) ?? 0),
      output: (countOf(usage['total_output_tokens']) ?? 0) + thoughts,
      cacheRead: countOf(usage['total_cached_tokens']),
      cacheReadAudio: cached('AUDIO'),
      cacheReadImage: cached('IMAGE'),
      reasoning: thoughts,
      inputAudio: input('AUDIO'),
      inputImage: input('IMAGE'),
      inputVideo: input('VIDEO'),
      outputAudio: output('AUDIO'),
      outputImage: output('IMAGE'),
    },
    notes,
  )
  checkTotal(read, countOf(usage['total_tokens']), notes)
  return read
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
function modalities(usage: JsonObject, names: readonly string[]): (modality: string) => number | undefined {
  const entries = names.flatMap((name) => objectsOf(usage[name]))
  if (entries.length === 0) return () => undefined
  return (modality) =>
    entries
      .filter((entry) => String(entry['modality']).toUpperCase() === modality)
      .reduce((sum, entry) => sum + (countOf(entry['tokenCount']) ?? countOf(entry['tokens']) ?? 0), 0)
}
