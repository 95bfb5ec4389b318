import { percentDecoded } from '../url/percent-decoded.ts'

/** What the header of a multipart body's part says. */
export interface PartHeader {
  /** Name of the field, decoded as mail and browsers do; empty for none. */
  readonly name: string
  /** The name without its quotes, as most servers read it: nothing else is decoded. */
  readonly plainName: string
  /** `undefined` for a plain field. */
  readonly fileName: string | undefined
  /** The field as it stands; empty for none. */
  readonly contentType: string
  /** Lower-case; empty for none. */
  readonly transferEncoding: string
}

/** A parameter of a header field. Places are of the whole value, its quotes included. */
export interface PartParameter {
  /** Lower-case, without the `*` of an encoded one. */
  readonly name: string
  readonly encoded: boolean
  /** What the value says. */
  readonly said: string
  /** The value without its quotes. */
  readonly plain: string
  readonly start: number
  readonly end: number
}

const FIELD = /^([\w-]+)[ \t]*:(.*(?:\r?\n[ \t].*)*)/gm
const PARAMETER = /;\s*([^\s=;"]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;\r\n]*)/g

/** Reads the header of a part. */
export function readHeader(text: string): PartHeader {
  const fields = new Map<string, string>()
  for (const [, name, value] of text.matchAll(FIELD)) {
    const key = name!.toLowerCase()
    if (!fields.has(key)) fields.set(key, value!.trim())
  }
  const parameters = parametersOf(fields.get('content-disposition') ?? '', 0)
  const of = (name: string): string | undefined => parameters.find((one) => one.name === name)?.said
  return {
    name: of('name') ?? '',
    plainName: parameters.find(({ name, encoded }) => name === 'name' && !encoded)?.plain ?? '',
    fileName: of('filename'),
    contentType: fields.get('content-type') ?? '',
    transferEncoding: (fields.get('content-transfer-encoding') ?? '').toLowerCase(),
  }
}

/** Every parameter of the fields that name a part and its file, in order. Places are of the header. */
export function partParameters(text: string): PartParameter[] {
  return [...text.matchAll(FIELD)].flatMap(({ index, 0: field, 1: name, 2: value }) =>
    /^content-(?:disposition|type)$/i.test(name!)
      ? parametersOf(value!, index + field.length - value!.length)
      : [],
  )
}

function parametersOf(value: string, offset: number): PartParameter[] {
  return [...value.matchAll(PARAMETER)].map(({ index, 0: all, 1: name, 2: raw }) => {
    const end = offset + index + all.length
    const encoded = name!.endsWith('*')
    const plain = unquoted(raw!)
    const said = encoded ? extended(plain) : decoded(plain)
    const start = end - raw!.length
    return { name: name!.replace(/\*.*$/, '').toLowerCase(), encoded, said, plain, start, end }
  })
}

function unquoted(raw: string): string {
  return raw.startsWith('"') ? raw.slice(1, -1).replaceAll(/\\(["\\])/g, '$1') : raw.trim()
}

/** Names as mail writes them, and as browsers do. @see https://www.rfc-editor.org/rfc/rfc2047 */
function decoded(text: string): string {
  const words = text.replaceAll(/=\?[\w-]+\?([bq])\?([^?]*)\?=/gi, (_, form: string, word: string) =>
    form.toLowerCase() === 'b'
      ? Buffer.from(word, 'base64').toString('utf8')
      : percentDecoded(word.replaceAll('_', ' ').replaceAll('=', '%')),
  )
  return percentDecoded(words)
}

/** @see https://www.rfc-editor.org/rfc/rfc8187 */
function extended(value: string): string {
  return percentDecoded(/^[^']*'[^']*'(.*)$/s.exec(value)?.[1] ?? value)
}
