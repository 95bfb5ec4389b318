/** Longest pattern. */
const MOST_CHARACTERS = 300

/** Largest number of unbounded repetitions in a pattern. Each may multiply its time by the length of the name. */
const MOST_REPETITIONS = 2

/**
 * Why a price list's regular expression is unsafe to match against names from clients. `undefined` when it is safe.
 * It must be short, take few steps for any name, and have no back-references.
 */
export function patternProblem(pattern: string): string | undefined {
  if (pattern.length > MOST_CHARACTERS) return `longer than ${MOST_CHARACTERS} characters`
  if (!compiles(pattern)) return 'no regular expression'
  if (/\\[1-9]|\\k</.test(pattern)) return 'refers to what it matched before'
  // Escaped characters and classes repeat nothing.
  const bare = pattern.replace(/\\./g, 'x').replace(/\[[^\]]*\]/g, 'x')
  const repeated = bare.match(/[*+]|\{\d+,\}/g)?.length ?? 0
  if (repeated > MOST_REPETITIONS) return `repeats without an end more than ${MOST_REPETITIONS} times`
  if (/\)(?:[*+]|\{)/.test(bare)) return 'repeats a group'
  return undefined
}

function compiles(pattern: string): boolean {
  try {
    return RegExp(pattern) instanceof RegExp
  } catch {
    return false
  }
}
