import { applyEdits, type Edit } from './edits.ts'
import { percentDecoded } from '../wire/url/percent-decoded.ts'
import { judgeText, type TextRules } from './text-rules.ts'
import { withoutCredentials } from './without-credentials.ts'

/** Longest path that is shown, in characters. */
const MAX_LENGTH = 2048

/**
 * The path of a request as any reader may see it: without query, credentials and what the rules replace, and
 * no longer than 2048 characters.
 *
 * @param path as the client sent it, escapes included
 * @param rules `undefined` where the policy leaves what is stored as it is
 * @returns the path, and what the rules replaced in it
 */
export function shownPath(
  path: string,
  rules: TextRules | undefined,
): { readonly path: string; readonly edits: readonly Edit[] } {
  if (!rules && AS_SENT.has(path)) return { path, edits: NO_EDITS }
  const edits: Edit[] = []
  const segments = withoutQuery(path).split('/')
  const shown = segments.map((segment) => {
    const said = percentDecoded(segment)
    const found = rules ? judgeText(said, rules) : []
    edits.push(...found)
    const clean = withoutCredentials(applyEdits(said, found))
    return clean === said ? visible(segment) : encodeURIComponent(clean.toWellFormed())
  })
  const whole = shown.join('/')
  if (!rules && whole === path && whole.length <= MAX_KEPT_LENGTH) {
    if (AS_SENT.size >= MAX_KEPT) AS_SENT.clear()
    AS_SENT.add(path)
  }
  return { path: whole.length > MAX_LENGTH ? `${whole.slice(0, MAX_LENGTH - 1)}…` : whole, edits }
}

const NO_EDITS: readonly Edit[] = []

/** Paths that are shown as they were sent, without rules: the same ones come again and again. */
const AS_SENT = new Set<string>()
const MAX_KEPT = 1000
const MAX_KEPT_LENGTH = 256

function withoutQuery(path: string): string {
  const end = path.search(/[?#]/)
  return end < 0 ? path : path.slice(0, end)
}

/** Control characters and marks that reorder text, as escapes. */
function visible(segment: string): string {
  if (/^[!-~]*$/.test(segment)) return segment
  return segment.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) => encodeURIComponent(character.toWellFormed()))
}
