import { applyEdits, type Edit } from './edits.ts'
import { judgeForm } from './form.ts'
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

/** Parameters whose values are a provider's credentials: those are meant for the upstream. */
const CREDENTIAL = /key|token|auth|secret|sig|password|session|cookie|credential/i

/** What is found in a query. @param query begins with `?` or is empty */
export function judgeQuery(query: string, rules: TextRules): Edit[] {
  return query
    .slice(1)
    .split('&')
    .flatMap((pair) =>
      CREDENTIAL.test(pair.split('=')[0]!)
        ? judgeText(decoded(pair), rules).filter(({ name }) => name !== 'token_like')
        : judgeForm(pair, rules),
    )
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
