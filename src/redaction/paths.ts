import { applyEdits, type Edit } from './edits.ts'
import { judgeText, type TextRules } from './text-rules.ts'

/** A path whose segments are looked through as people read them. @returns the path, and what was replaced in it */
export function redactPath(
  path: string,
  rules: TextRules,
): { readonly path: string; readonly edits: readonly Edit[] } {
  const edits: Edit[] = []
  const segments = path.split('/').map((segment) => {
    const said = decoded(segment)
    const found = judgeText(said, rules)
    edits.push(...found)
    return found.length === 0 ? segment : encodeURIComponent(applyEdits(said, found))
  })
  return { path: segments.join('/'), edits }
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}
