import type { Span } from '../span.ts'

/** Longest block of part headers that is read, and longest value. */
const MAX_HEADER_BYTES = 4096
const MAX_VALUE_BYTES = 1024

const CR = 13
const LF = 10
const DASH = 0x2d

/** The one header that every part must have, without a name of a file; and its name, in quotes or not. */
const DISPOSITION =
  /^content-disposition[ \t]*:[ \t]*form-data[ \t]*;[ \t]*name=(?:"([^"\\]*)"|([^\s";=]+))[ \t;]*$/i
const FILE_NAME = /;[ \t]*filename\*?=(?:"(?:[^"\\]|\\.)*"|[^;\s]*)/gi

/** One field of a form, and where its value stands. */
export interface FormField extends Span {
  readonly name: string
  readonly value: string
}

/**
 * The fields of a form of which all readers see the same ones.
 *
 * @param plain without content coding
 * @param contentType the field as it came
 * @param wanted names of the fields that are read
 * @returns `undefined` where a part is framed or named in a way that readers do not agree on, or a value is too long
 * @see https://datatracker.ietf.org/doc/html/rfc7578
 */
export function fieldsOfForm(
  plain: Uint8Array,
  contentType: string,
  wanted: RegExp,
): readonly FormField[] | undefined {
  const boundary = boundaryOf(contentType)
  if (boundary === undefined) return undefined
  const bytes = Buffer.from(plain.buffer, plain.byteOffset, plain.length)
  const dashed = Buffer.from(`--${boundary}`)
  if (!bytes.subarray(0, dashed.length).equals(dashed)) return undefined
  const delimiter = Buffer.from(`\r\n--${boundary}`)
  const fields: FormField[] = []
  let parts = 0
  for (let at = dashed.length; bytes[at] !== DASH || bytes[at + 1] !== DASH; parts += 1) {
    if (bytes[at] !== CR || bytes[at + 1] !== LF) return undefined
    const headersEnd = bytes.indexOf('\r\n\r\n', at)
    const end = headersEnd < 0 ? -1 : bytes.indexOf(delimiter, headersEnd + 4)
    if (end < 0 || headersEnd - at > MAX_HEADER_BYTES) return undefined
    const part = partOf(bytes.subarray(at + 2, Math.max(at + 2, headersEnd)).toString('utf8'))
    if (!part) return undefined
    if (wanted.test(part.name)) {
      const value = bytes.subarray(headersEnd + 4, end)
      if (part.encoded || value.length > MAX_VALUE_BYTES) return undefined
      fields.push({ name: part.name, value: value.toString('utf8'), start: headersEnd + 4, end })
    }
    at = end + delimiter.length
  }
  // Readers that take a bare LF for the end of a line see a part wherever the boundary follows one.
  return occurrences(bytes, Buffer.from(`\n--${boundary}`)) === parts ? fields : undefined
}

/** The boundary that the field names; `undefined` unless it names one, once. */
function boundaryOf(contentType: string): string | undefined {
  const named = [...contentType.matchAll(/;\s*boundary(\*?)\s*=\s*(?:"([^"\\]*)"|([^\s;"]+))?/gi)]
  const [, star, quoted, token] = named[0] ?? []
  const boundary = quoted ?? token ?? ''
  return named.length === 1 && star === '' && boundary !== '' ? boundary : undefined
}

/** What the headers of a part say; `undefined` where readers may take them for something else. */
function partOf(headers: string): { readonly name: string; readonly encoded: boolean } | undefined {
  const lines = headers.split('\r\n')
  if (lines.some((line) => !/^[\w-]+[ \t]*:[^\r\n\0]*$/.test(line))) return undefined
  const dispositions = lines.filter((line) => /^content-disposition[ \t]*:/i.test(line))
  const [, quoted, token] = DISPOSITION.exec(dispositions[0]?.replace(FILE_NAME, '') ?? '') ?? []
  const name = quoted ?? token
  if (name === undefined || dispositions.length !== 1) return undefined
  return { name, encoded: lines.some((line) => /^content-transfer-encoding[ \t]*:\s*[bq]/i.test(line)) }
}

function occurrences(bytes: Buffer, text: Buffer): number {
  let count = 0
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + text.length)) count += 1
  return count
}
