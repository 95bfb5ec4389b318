import { mergeEdits, type Edit } from './edits.ts'
import { judgeJson, judgeText, type TextRules, type TextVerdict } from './text-rules.ts'

/**
 * Looks through text that may be more than that: JSON that is cut off or otherwise none, whose names of members count as far as they can
 * be told.
 *
 * @param first what was found in it by another reading; it comes before what is found in the plain text
 */
export function judgeLoose(text: string, rules: TextRules, first: readonly Edit[] = []): TextVerdict {
  const json = /^\s*[[{"]/.test(text) ? judgeJson(text, rules) : { edits: [], uninspectable: 0 }
  const edits = mergeEdits(mergeEdits(json.edits, first), judgeText(text, rules))
  return { edits, uninspectable: json.uninspectable }
}
