/** Settings are five levels deep; a parser takes seconds for thousands. */
const MAX_LEVELS = 64

/** Columns at which a line may begin: more than the levels need. */
const MAX_INDENT = 4 * MAX_LEVELS

/**
 * The first line of a YAML or JSON text that is nested deeper than any settings are, before anything is built of it.
 *
 * Looks at brackets outside of double quotes and at how far lines are indented.
 *
 * @returns a 1-based line; `undefined` when there is none
 */
export function tooDeepLine(text: string): number | undefined {
  let levels = 0
  let line = 1
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\[^])*"|^[ \t]*(?:[-?][ \t]+)*|[[\]{}\n]/gm)) {
    if (token === '[' || token === '{') levels += 1
    else if (token === ']' || token === '}') levels -= 1
    else if (token === '\n' || token.startsWith('"')) line += token.split('\n').length - 1
    if (levels > MAX_LEVELS || (token.length > MAX_INDENT && !token.startsWith('"'))) return line
  }
  return undefined
}
