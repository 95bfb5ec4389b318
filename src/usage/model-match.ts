import type { MatchLogic } from '@pydantic/genai-prices'

/** Beats any prefix: the list names the model itself. */
const EXACT = 1_000_000

/** A pattern written for these names only. It beats prefixes, not exact names. */
const PATTERN = 100_000

/**
 * Suffixes that do not make another model: dates, revisions, release stages. The number is bounded, because reading a
 * long row of dates in every possible way would take seconds.
 */
const BENIGN_SUFFIX =
  /^(?:[-@:_](?:\d{8}|\d{4}-\d{2}-\d{2}|\d{6}|\d{2}-\d{2}-\d{4}|\d{2}-\d{4}|\d{2}-\d{2}|\d{4}|\d{3}|latest|preview|exp|experimental|beta|default|maas|v\d+(?::\d+)?(?::\d+k)?)){0,4}$/

/** Prefixes that do not make another model: vendors, regions, folders. */
const BENIGN_PREFIX = /^~?(?:[a-z0-9-]+[./])*$/

/**
 * How well a price list's entry matches a model's name. Higher is better, `undefined` is no match.
 *
 * A prefix alone proves nothing: `claude-sonnet-5` is a prefix of a later `claude-sonnet-5-5`, which is another model
 * at another price. So the rest behind a prefix must be a date, a revision or a release stage, unless the entry ends
 * in a separator.
 *
 * @param name lower case, trimmed
 */
export function matchScore(logic: MatchLogic, name: string): number | undefined {
  if ('equals' in logic) return name === logic.equals.toLowerCase() ? EXACT : undefined
  if ('regex' in logic) return new RegExp(logic.regex).test(name) ? PATTERN : undefined
  if ('starts_with' in logic) {
    const text = logic.starts_with.toLowerCase()
    return name.startsWith(text) && continues(text, name.slice(text.length)) ? text.length : undefined
  }
  if ('ends_with' in logic) {
    const text = logic.ends_with.toLowerCase()
    return name.endsWith(text) && BENIGN_PREFIX.test(name.slice(0, -text.length)) ? text.length : undefined
  }
  if ('contains' in logic) {
    const text = logic.contains.toLowerCase()
    const at = name.indexOf(text)
    if (at < 0 || !BENIGN_PREFIX.test(name.slice(0, at))) return undefined
    return continues(text, name.slice(at + text.length)) ? text.length : undefined
  }
  const scores = ('or' in logic ? logic.or : logic.and).map((part) => matchScore(part, name))
  if ('and' in logic) {
    if (scores.includes(undefined)) return undefined
    // A pattern beside a prefix only narrows it.
    return scores.reduce<number>((least, score) => Math.min(least, score!), EXACT)
  }
  return scores.reduce<number | undefined>((best, score) => {
    if (score === undefined || (best !== undefined && best >= score)) return best
    return score
  }, undefined)
}

function continues(text: string, rest: string): boolean {
  return /(?:[-@:/]|-20\d\d|-0)$/.test(text) || BENIGN_SUFFIX.test(rest)
}
