/** Settings are five levels deep. A parser takes seconds for thousands of levels. */
const MAX_LEVELS = 64

/** Largest indentation of a line, more than the levels need. */
const MAX_INDENT = 4 * MAX_LEVELS

/**
 * The first line of a YAML or JSON text that nests deeper than any settings. Checked before parsing.
 *
 * Checks brackets outside of double quotes, and indentation.
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
