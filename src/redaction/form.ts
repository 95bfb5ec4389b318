import { applyEdits, wholeEdits, type Edit } from './edits.ts'
import { percentDecoded } from '../wire/url/percent-decoded.ts'
import { judgeString, judgeText, type TextRules } from './text-rules.ts'

/** Inspects the names and values of a form in a URL's encoding. What changes is encoded anew; the rest stays. */
export function judgeForm(text: string, rules: TextRules): Edit[] {
  const edits: Edit[] = []
  for (const { index, 0: pair } of text.matchAll(/[^&\s]+(?:[^&]*[^&\s])?/g)) {
    const equals = pair.indexOf('=')
    const nameEnd = index + (equals < 0 ? pair.length : equals)
    const name = formDecoded(text.slice(index, nameEnd))
    for (const edit of whole(index, nameEnd, name, judgeText(name, rules))) edits.push(edit)
    if (equals < 0) continue
    const [start, end] = [nameEnd + 1, index + pair.length]
    const value = formDecoded(text.slice(start, end))
    if (value !== '' && rules.denied.has({ name, path: [name], elements: [0] }, 'string')) {
      const replacement = encodeURIComponent(rules.placeholders.of('FIELD', value))
      edits.push({ start, end, name: 'field_name', replacement })
    } else {
      for (const edit of whole(start, end, value, judgeString(value, rules, 0).edits)) edits.push(edit)
    }
  }
  return edits
}

function whole(start: number, end: number, said: string, edits: readonly Edit[]): Edit[] {
  return wholeEdits(start, end, encodeURIComponent(applyEdits(said, edits)), edits)
}

/** What a name or value of a form says. */
export function formDecoded(part: string): string {
  return percentDecoded(part.replaceAll('+', ' '))
}
