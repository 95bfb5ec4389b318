import { partParameters, type PartParameter } from '../wire/framing/part-header.ts'
import { applyEdits, mergeEdits, wholeEdits, type Edit } from './edits.ts'
import { judgeText, type TextRules } from './text-rules.ts'

/** Extensions by which providers recognise a file's type: they are kept when the rest of its name is replaced. */
const EXTENSION =
  /\.(?:txt|csv|tsv|md|html|xml|yaml|yml|jsonl?|ndjson|pdf|docx|pptx|xlsx|zip|png|jpe?g|gif|webp|mp3|mp4|mpeg|mpga|m4a|wav|webm|flac|ogg)$/i

/** Inspects the header of a part: its text, and the names in it as they read when decoded. */
export function judgeHeader(text: string, rules: TextRules): Edit[] {
  const edits = partParameters(text).flatMap((parameter) => judgeParameter(parameter, rules))
  return mergeEdits(edits, judgeText(text, rules))
}

/** A parameter with a match is replaced whole; further edits only count. */
function judgeParameter({ name, encoded, said, start, end }: PartParameter, rules: TextRules): Edit[] {
  const found = judgeText(said, rules)
  if (found.length === 0) return []
  const extension = name === 'filename' && found.at(-1)!.end === said.length ? EXTENSION.exec(said)?.[0] : ''
  const left = applyEdits(said, found) + (extension ?? '')
  const replacement = encoded
    ? `UTF-8''${encodeURIComponent(left)}`
    : `"${left.replaceAll(/["\\\r\n]/g, (character) => encodeURIComponent(character))}"`
  return wholeEdits(start, end, replacement, found)
}
