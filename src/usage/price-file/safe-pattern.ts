/** Longest pattern. */
const MOST_CHARACTERS = 300

/** Repetitions without an end that a pattern may have: each may multiply the time it takes by the length of the name. */
const MOST_REPETITIONS = 2

/**
 * Why a regular expression of a price list is not used, which is matched against names that clients send; `undefined` when it is safe.
 * It must be short, take few steps for any name, and refer to nothing it matched before.
 */
export function patternProblem(pattern: string): string | undefined {
  if (pattern.length > MOST_CHARACTERS) return `longer than ${MOST_CHARACTERS} characters`
  if (!compiles(pattern)) return 'no regular expression'
  if (/\\[1-9]|\\k</.test(pattern)) return 'refers to what it matched before'
  // What is escaped or in a class repeats nothing.
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
