/** A text, or everything that begins as it does when it ends in `*`. */
export function matches(pattern: string, text: string): boolean {
  return pattern.endsWith('*') ? text.startsWith(pattern.slice(0, -1)) : text === pattern
}

/** Whether a text, or everything that begins as it does, is matched by a pattern. */
export function patternWithin(outer: string, inner: string): boolean {
  return inner.endsWith('*')
    ? outer.endsWith('*') && inner.slice(0, -1).startsWith(outer.slice(0, -1))
    : matches(outer, inner)
}
