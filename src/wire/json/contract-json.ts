const ESCAPES: Readonly<Record<string, string>> = {
  '<': '\\u003c',
  '>': '\\u003e',
  '&': '\\u0026',
  '\u2028': '\\u2028',
  '\u2029': '\\u2029',
}

/** JSON as the contract writes it: `<`, `>`, `&` and the two line separators escaped. */
export function contractJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, undefined, indent).replace(/[<>&\u2028\u2029]/g, (c) => ESCAPES[c]!)
}
