import type { BodyVerdict } from './bodies.ts'
import { bodyKind } from './body-kind.ts'
import type { Counts, Edit } from './edits.ts'
import type { TextRules } from './text-rules.ts'

/** Files whose names say that they hold text, and of what kind, where their media type does not. */
const TEXT_FILES = new Map([
  ['jsonl', 'application/jsonl'],
  ['ndjson', 'application/jsonl'],
  ['json', 'application/json'],
  ...[
    'txt',
    'csv',
    'tsv',
    'md',
    'html',
    'xml',
    'yaml',
    'yml',
    'log',
    'srt',
    'vtt',
    'py',
    'js',
    'ts',
    'go',
    'java',
    'c',
    'sh',
    'sql',
  ].map((name) => [name, 'text/plain'] as const),
])

/** Longest header of a part. */
const MAX_HEADER_BYTES = 16 * 1024

/**
 * Looks through the parts of a form: fields, and files of text. The boundary is what the body begins with, as it is for every client.
 *
 * @see https://www.rfc-editor.org/rfc/rfc7578
 */
export function judgeMultipart(
  bytes: Uint8Array,
  judgeBody: (content: Uint8Array, mediaType: string) => BodyVerdict,
  rules: TextRules,
): BodyVerdict {
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const firstEnd = body.indexOf('\r\n')
  const boundary = body.subarray(0, Math.max(0, firstEnd)).toString('latin1')
  if (!/^--[^\r\n]{1,70}$/.test(boundary)) {
    return { kind: 'uninspectable', reason: 'the form does not begin with its boundary' }
  }
  const pieces: Uint8Array[] = []
  const counts: Counts = {}
  let uninspectable = 0
  const edits: Edit[] = []
  let copied = 0
  /** A place of the body, and how many characters stand before it. */
  let told = { bytes: 0, characters: 0 }
  for (let at = firstEnd + 2; at < body.length;) {
    const headerEnd = body.indexOf('\r\n\r\n', at)
    if (headerEnd < 0 || headerEnd - at > MAX_HEADER_BYTES) break
    const start = headerEnd + 4
    const next = body.indexOf(`\r\n${boundary}`, start - 2)
    const end = next < 0 ? body.length : Math.max(start, next)
    const verdict = judgePart(
      body.subarray(start, end),
      partOf(body.subarray(at, headerEnd)),
      judgeBody,
      rules,
    )
    if (verdict.kind === 'uninspectable') uninspectable += 1
    else {
      uninspectable += verdict.uninspectable
      for (const [name, count] of Object.entries(verdict.counts)) counts[name] = (counts[name] ?? 0) + count
      if (Object.keys(verdict.counts).length > 0) {
        pieces.push(body.subarray(copied, start), verdict.content)
        copied = end
        const offset = told.characters + body.subarray(told.bytes, start).toString('utf8').length
        told = { bytes: start, characters: offset }
        for (const edit of verdict.edits)
          edits.push({ ...edit, start: offset + edit.start, end: offset + edit.end })
      }
    }
    if (next < 0) break
    const after = next + 2 + boundary.length
    if (body.subarray(after, after + 2).toString('latin1') === '--') break
    at = after + 2
  }
  if (pieces.length === 0) return { kind: 'judged', content: bytes, counts, edits, uninspectable }
  pieces.push(body.subarray(copied))
  return { kind: 'judged', content: Buffer.concat(pieces), counts, edits, uninspectable }
}

interface Part {
  readonly name: string
  /** `undefined` for a plain field. */
  readonly fileName: string | undefined
  readonly mediaType: string
}

function partOf(header: Buffer): Part {
  const text = header.toString('utf8')
  const disposition = /^content-disposition:([^\r\n]*)/im.exec(text)?.[1] ?? ''
  const mediaType = /^content-type:\s*([^;\r\n]*)/im.exec(text)?.[1]?.trim().toLowerCase() ?? ''
  return {
    name: /[;\s]name="([^"]*)"/i.exec(disposition)?.[1] ?? '',
    fileName: /[;\s]filename\*?="?([^";]*)/i.exec(disposition)?.[1],
    mediaType,
  }
}

function judgePart(
  content: Uint8Array,
  { name, fileName, mediaType }: Part,
  judgeBody: (content: Uint8Array, mediaType: string) => BodyVerdict,
  rules: TextRules,
): BodyVerdict {
  if (fileName !== undefined) return judgeBody(content, fileType(fileName, mediaType))
  if (content.length > 0 && rules.denied.has({ name, path: [name], elements: [0] }, 'string')) {
    const value = Buffer.from(content).toString('utf8')
    const replacement = rules.placeholders.of('FIELD', value)
    const edits = [{ start: 0, end: value.length, name: 'field_name', replacement }]
    const counts = { field_name: 1 }
    return { kind: 'judged', content: Buffer.from(replacement), counts, edits, uninspectable: 0 }
  }
  return judgeBody(content, mediaType)
}

/** A file's media type; its name tells where that says nothing. */
function fileType(fileName: string, mediaType: string): string {
  const extension = /\.([a-z0-9]+)$/i.exec(fileName)?.[1]?.toLowerCase() ?? ''
  const told = TEXT_FILES.get(extension)
  const given = mediaType === '' ? 'application/octet-stream' : mediaType
  return told !== undefined && (given === 'text/plain' || bodyKind(given) === 'opaque') ? told : given
}
