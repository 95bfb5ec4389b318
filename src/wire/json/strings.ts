const BACKSLASH = 92

/** What a JSON string without its quotes says; `undefined` for wrong escapes. */
export function textOfString(raw: string): string | undefined {
  if (!raw.includes('\\')) return raw
  try {
    return JSON.parse(`"${raw}"`) as string
  } catch {
    return undefined
  }
}

/** What a JSON string without its quotes says. Wrong escapes stand for a space, so that they keep none from being read. */
export function unescaped(raw: string): string {
  return textOfString(raw) ?? raw.replaceAll(/\\(?:u[\s\S]{0,4}|[\s\S]?)/g, escapeMeaning)
}

/** What an escape stands for; one that stands for nothing, a space. */
export function escapeMeaning(escape: string): string {
  return textOfString(escape) ?? ' '
}

/** A text as it stands in a JSON string, without quotes. */
export function escaped(text: string): string {
  return JSON.stringify(text).slice(1, -1)
}

/**
 * Where places of what a JSON string says stand in the string.
 *
 * @param raw without its quotes
 * @param places in order
 */
export function rawPlaces(raw: string, places: readonly number[]): number[] {
  const found: number[] = []
  let at = 0
  let said = 0
  for (const place of places) {
    while (said < place && at < raw.length) {
      at += raw.charCodeAt(at) !== BACKSLASH ? 1 : raw.charCodeAt(at + 1) === 117 ? 6 : 2
      said += 1
    }
    found.push(at)
  }
  return found
}
