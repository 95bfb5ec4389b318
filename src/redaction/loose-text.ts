import { mergeEdits, type Edit } from './edits.ts'
import { judgeJson, judgeText, type TextRules, type TextVerdict } from './text-rules.ts'

/**
 * Inspects text that may be broken JSON, such as JSON that is cut off. Its member names count as far as they can be read.
 *
 * @param first matches of another reading of it; they take precedence over those in the plain text
 */
export function judgeLoose(text: string, rules: TextRules, first: readonly Edit[] = []): TextVerdict {
  const json = /^\s*[[{"]/.test(text) ? judgeJson(text, rules) : { edits: [], uninspectable: 0 }
  const edits = mergeEdits(mergeEdits(json.edits, first), judgeText(text, rules))
  return { edits, uninspectable: json.uninspectable }
}
