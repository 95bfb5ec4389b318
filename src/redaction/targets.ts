import { isCredentialName } from './credential-name.ts'
import type { Edit } from './edits.ts'
import { percentDecoded } from '../wire/url/percent-decoded.ts'
import { formDecoded, judgeForm } from './form.ts'
import { judgeText, type TextRules } from './text-rules.ts'

/**
 * The matches in a request's target: its segments and parameters are inspected as people read them.
 * A provider's credential in the query is meant for the upstream and is no match.
 *
 * @param query begins with `?` or is empty
 */
export function judgeTarget(path: string, query: string, rules: TextRules): Edit[] {
  const inPath = path.split('/').flatMap((segment) => judgeText(percentDecoded(segment), rules))
  const inQuery = query
    .slice(1)
    .split('&')
    .flatMap((pair) =>
      isCredentialName(formDecoded(pair.split('=')[0]!))
        ? judgeText(formDecoded(pair), rules).filter(({ name }) => name !== 'token_like')
        : judgeForm(pair, rules),
    )
  return [...inPath, ...inQuery]
}
