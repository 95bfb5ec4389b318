import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { countedWork } from '../../../test/support/counted-work.ts'
import { ByteScanner } from './byte-scanner.ts'
import { TextScanner } from './text-scanner.ts'

/** Anything that looks like JSON, whole or not. */
const likeJson = fc
  .array(
    fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '\\',
      '\\"',
      '\\\\',
      'a',
      '1',
      ' ',
      'é',
      '🎉',
      'x'.repeat(70),
    ),
  )
  .map((parts) => parts.join(''))

/** The tokens by their definition, one character after the other. */
function tokensOf(json: Uint8Array, level: number): string[] {
  const tokens: string[] = []
  let [depth, inString, escaped] = [0, false, false]
  for (const [at, byte] of json.entries()) {
    const token = String.fromCharCode(byte)
    const before = depth
    if (inString) {
      if (token === '"' && !escaped) inString = false
      escaped = token === '\\' && !escaped
      if (token !== '"' || inString) continue
    } else if (token === '"') inString = true
    else if ('{['.includes(token)) depth += 1
    else if ('}]'.includes(token)) depth = Math.max(0, depth - 1)
    else if (!',:'.includes(token)) continue
    if (Math.min(before, depth) <= level) tokens.push(`${token} at ${at} in ${depth} ${inString}`)
  }
  return tokens
}

/** The tokens that a scanner reports in pieces. */
function byteTokens(json: Uint8Array, level: number, cuts: readonly number[]): string[] {
  const scanner = new ByteScanner(level)
  const tokens: string[] = []
  let from = 0
  for (const cut of [...cuts, json.length]) {
    const piece = json.subarray(from, cut)
    for (let at = scanner.next(piece, 0); at < piece.length; at = scanner.next(piece, at + 1)) {
      const token = String.fromCharCode(piece[at]!)
      tokens.push(`${token} at ${from + at} in ${scanner.depth} ${scanner.inString}`)
    }
    from = cut
  }
  return tokens
}

function textTokens(json: string, cuts: readonly number[]): string[] {
  const scanner = new TextScanner()
  const tokens: string[] = []
  let from = 0
  for (const cut of [...cuts, json.length]) {
    const piece = json.slice(from, cut)
    for (let at = scanner.next(piece, 0); at < piece.length; at = scanner.next(piece, at + 1))
      tokens.push(`${piece[at]} at ${from + at} ${scanner.inString}`)
    from = cut
  }
  return tokens
}

test('bytes cut at every place give the tokens that they have, and no deeper ones than asked for', () => {
  fc.assert(
    fc.property(likeJson, fc.constantFrom(0, 1, 2, Infinity), (text, level) => {
      const json = Buffer.from(text)
      const tokens = tokensOf(json, level)
      for (let cut = 0; cut <= json.length; cut++) expect(byteTokens(json, level, [cut])).toEqual(tokens)
      const single = Array.from({ length: json.length }, (_, i) => i)
      expect(byteTokens(json, level, single)).toEqual(tokens)
    }),
  )
})

test('text cut at every place gives the tokens that its bytes have, colons apart', () => {
  fc.assert(
    fc.property(likeJson, (text) => {
      const latin1 = text.replaceAll(/[^\0-\x7f]/g, '?')
      const tokens = byteTokens(Buffer.from(latin1), Infinity, [])
        .filter((token) => !token.startsWith(':'))
        .map((token) => token.replace(/ in \d+/, ''))
      for (let cut = 0; cut <= text.length; cut++) expect(textTokens(text, [cut])).toEqual(tokens)
      const single = Array.from({ length: text.length }, (_, i) => i)
      expect(textTokens(text, single)).toEqual(tokens)
    }),
  )
})

test('a string of escapes is followed in steps that grow with its length and with nothing else', () => {
  for (const escape of ['\\n', '\\\\', '\\"', `${'\\\\'.repeat(50)}\\"`]) {
    const [few, many] = [10_000, 80_000].map((size) => {
      const text = `"${escape.repeat(size / escape.length)}"`
      const bytes = Buffer.from(text)
      const work = (): void => {
        const scanner = new ByteScanner(0)
        scanner.next(bytes, scanner.next(bytes, 0) + 1)
        const texts = new TextScanner()
        texts.next(text, texts.next(text, 0) + 1)
      }
      return countedWork(work) / text.length
    })
    expect(many!).toBeLessThan(few! * 1.5 + 1)
  }
})
