import type { YAMLParseError } from 'yaml'

/** A YAML mistake: the 1-based line, the problem, and what to write instead. */
export interface YamlProblem {
  readonly line: number
  readonly message: string
}

/**
 * Explains a YAML parser error. Names of settings are shown; values, which may be secrets, are not.
 *
 * @param at 1-based line where the parser failed
 * @param lines of the whole text
 */
export function yamlProblem(error: YAMLParseError, at: number, lines: readonly string[]): YamlProblem {
  const quote = /Missing closing (["'])quote/.exec(error.message)?.[1]
  const line = quote === undefined ? at : openingLine(quote, at, lines)
  const text = lines[line - 1] ?? ''
  const name = /^[\s"'-]*([A-Za-z][\w-]{0,40})["']?\s*:/.exec(text)?.[1]
  return { line, message: `${name === undefined ? '' : `"${name}": `}${inWords(error, text)}` }
}

/** The parser reports an unclosed quote at the end of the file. */
function openingLine(quote: string, at: number, lines: readonly string[]): number {
  for (let line = at; line > 0; line -= 1) {
    if ((lines[line - 1]?.split(quote).length ?? 1) % 2 === 0) return line
  }
  return at
}

function inWords({ code, message }: YAMLParseError, line: string): string {
  const unquoted = /:\s+[^'"\s]*\$\{/.test(line) && /[[{]/.test(line.replace(/\$\{.*/s, ''))
  if (unquoted) return 'within [ ] and { }, a text with ${…} must stand in quotes: "${env:NAME}"'
  switch (code) {
    case 'TAB_AS_INDENT':
      return 'the line is indented by a tab; YAML takes spaces only'
    case 'BAD_ALIAS':
      return 'a text that is * or begins with * must stand in quotes: "*"'
    case 'BAD_SCALAR_START':
      return 'a text that begins with @, `, % or another sign of YAML must stand in quotes'
    case 'BAD_DQ_ESCAPE':
      return String.raw`a \ in double quotes begins an escape; write \\, or use single quotes`
    case 'BLOCK_AS_IMPLICIT_KEY':
      return /:\s.*:\s/.test(line)
        ? 'a text that holds ": " must stand in quotes'
        : /^\s*-/.test(line)
          ? 'a list item stands where a setting is expected; indent it below the setting that it belongs to'
          : 'the next line is indented deeper than this one, which has a value already; indent settings of one section alike'
    case 'MULTILINE_IMPLICIT_KEY':
      return 'a setting needs a colon and a space behind its name: "port: 8080"'
    case 'BAD_INDENT':
      return /Flow (map|sequence)/.test(message)
        ? 'a [ or { is not closed'
        : 'the line is indented by another number of spaces than the lines before it'
    case 'MISSING_CHAR':
      if (/must end with/.test(message)) return 'a [ or { is not closed'
      return /quote/.test(message)
        ? 'a quote is not closed'
        : 'a setting needs a colon and a space behind its name: "port: 8080"'
    case 'BLOCK_IN_FLOW':
      return 'within [ ] and { }, a comma stands between two settings'
    case 'UNEXPECTED_TOKEN':
      if (/Unexpected ,/.test(message)) return 'there is a comma too many'
      if (/block-seq-ind on same line/.test(message))
        return 'a list item begins on a line of its own, below its setting: "- id: team-a"'
      if (/flow-(map|seq)-end/.test(message)) return 'there is a ] or } too many'
      return 'something stands where nothing is expected; a text with quotes, brackets or ": " in it must stand in quotes'
    default:
      return `${withoutSource(message.split('\n')[0] ?? '')}; a text with signs of YAML must stand in quotes`
  }
}

/** The parser's message without its place, and without the part of the file that it quotes behind its colon, which may be a secret. */
function withoutSource(message: string): string {
  return message.replace(/ at line \d+, column \d+:?$/, '').replace(/(?<! ): .*$/s, '')
}
