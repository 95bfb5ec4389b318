import type { BodyVerdict } from './bodies.ts'
import { declaredOpaque, readContentType } from './body-kind.ts'
import { applyEdits, countEdits, type Counts, type Edit } from './edits.ts'
import { contentOf, nextDelimiter } from '../wire/framing/multipart.ts'
import { readHeader, type PartHeader } from '../wire/framing/part-header.ts'
import { judgeHeader } from './part-header.ts'
import { asRead, readText, writeText } from '../wire/text-bytes.ts'
import type { TextRules } from './text-rules.ts'
import { decodeTransfer, encodeTransfer } from '../wire/framing/transfer-encoding.ts'

/** Extensions of files that hold text, and the type they imply where the media type says nothing. */
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

/** Inspects a part by its own declared type. @param cut the part was cut off at its end */
type JudgePart = (content: Uint8Array, contentType: string, cut: boolean) => BodyVerdict

/**
 * Inspects a multipart body: what stands before the first boundary and behind the last, the headers of its parts with their names
 * and file names, and the parts.
 *
 * @param boundary without the leading `--`
 * @see https://www.rfc-editor.org/rfc/rfc2046#section-5.1
 * @see https://www.rfc-editor.org/rfc/rfc7578
 */
export function judgeMultipart(
  bytes: Uint8Array,
  boundary: string,
  judgePart: JudgePart,
  rules: TextRules,
  cut: boolean,
): BodyVerdict {
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const rewritten = new Rewritten(bytes, rules)
  let delimiter = nextDelimiter(body, boundary, 0)
  rewritten.take(delimiter.start, (preamble) => judgePart(preamble, '', false))
  while (delimiter.start < body.length && !delimiter.closes) {
    rewritten.keep(delimiter.end)
    const next = nextDelimiter(body, boundary, delimiter.end)
    const last = next.start === body.length
    const { headerEnd, start } = contentOf(body, delimiter.end, next.start)
    const header = readHeader(readText(body.subarray(delimiter.end, headerEnd)).text)
    rewritten.take(headerEnd, (content) => judgePartHeader(content, rules))
    rewritten.keep(start)
    rewritten.take(next.start, (content) => judgeContent(content, header, judgePart, rules, cut && last))
    delimiter = next
  }
  rewritten.keep(delimiter.end)
  rewritten.take(body.length, (epilogue) => judgePart(epilogue, '', cut))
  return rewritten.verdict()
}

/** A body and its pieces as they were rewritten. */
class Rewritten {
  readonly #body: Uint8Array
  readonly #rules: TextRules
  readonly #pieces: Uint8Array[] = []
  readonly #counts: Counts = {}
  readonly #edits: Edit[] = []
  #uninspectable = 0
  #changed = false
  /** Where the next piece begins, in bytes and in characters. */
  #at = 0
  #characters = 0

  constructor(body: Uint8Array, rules: TextRules) {
    this.#body = body
    this.#rules = rules
  }

  /** Keeps the bytes up to a place. */
  keep(to: number): void {
    this.#put(to, undefined)
  }

  /** Takes the bytes up to a place as they are judged. */
  take(to: number, judge: (content: Uint8Array) => BodyVerdict): void {
    if (to <= this.#at) return
    const content = this.#body.subarray(this.#at, to)
    const verdict = judge(content)
    if (verdict.kind === 'uninspectable') {
      this.#uninspectable += 1
      if (!this.#rules.hidesUninspectable) return this.#put(to, undefined)
      const replacement = this.#rules.placeholders.of(
        'UNINSPECTABLE',
        Buffer.from(content).toString('latin1'),
      )
      this.#count({ uninspectable: 1 })
      return this.#put(to, Buffer.from(replacement))
    }
    this.#uninspectable += verdict.uninspectable
    this.#count(verdict.counts)
    for (const edit of verdict.edits) {
      const [start, end] = [this.#characters + edit.start, this.#characters + edit.end]
      this.#edits.push({ ...edit, start, end })
    }
    return this.#put(to, verdict.content === content ? undefined : verdict.content)
  }

  verdict(): BodyVerdict {
    const content = this.#changed ? Buffer.concat(this.#pieces) : this.#body
    const [counts, edits, uninspectable] = [this.#counts, this.#edits, this.#uninspectable]
    return { kind: 'judged', content, counts, edits, uninspectable }
  }

  #put(to: number, content: Uint8Array | undefined): void {
    if (to <= this.#at) return
    const own = this.#body.subarray(this.#at, to)
    if (content) this.#changed = true
    this.#pieces.push(content ?? own)
    this.#characters += readText(own).text.length
    this.#at = to
  }

  #count(counts: Counts): void {
    for (const [name, count] of Object.entries(counts)) this.#counts[name] = (this.#counts[name] ?? 0) + count
  }
}

function judgePartHeader(bytes: Uint8Array, rules: TextRules): BodyVerdict {
  const { text, utf8 } = readText(bytes)
  const edits = judgeHeader(text, rules)
  const counts: Counts = {}
  countEdits(edits, counts)
  if (edits.length === 0) return { kind: 'judged', content: bytes, counts, edits, uninspectable: 0 }
  const written = edits.map((edit) => ({ ...edit, replacement: asRead(edit.replacement, utf8) }))
  return {
    kind: 'judged',
    content: writeText(applyEdits(text, written), utf8),
    counts,
    edits,
    uninspectable: 0,
  }
}

function judgeContent(
  content: Uint8Array,
  header: PartHeader,
  judgePart: JudgePart,
  rules: TextRules,
  cut: boolean,
): BodyVerdict {
  const { transferEncoding } = header
  const plain = decodeTransfer(content, transferEncoding)
  if (!plain) {
    const reason = `a part in the transfer encoding ${transferEncoding.slice(0, 64)} cannot be looked into`
    return rules.hidesUninspectable ? { kind: 'uninspectable', reason } : judgePart(content, '', cut)
  }
  const verdict = judgePlain(plain, header, judgePart, rules, cut)
  if (plain === content || verdict.kind === 'uninspectable') return verdict
  if (verdict.content === plain) return { ...verdict, content }
  return { ...verdict, content: encodeTransfer(verdict.content, transferEncoding) }
}

function judgePlain(
  content: Uint8Array,
  { name, fileName, contentType }: PartHeader,
  judgePart: JudgePart,
  rules: TextRules,
  cut: boolean,
): BodyVerdict {
  if (fileName !== undefined) return judgePart(content, fileType(fileName, contentType), cut)
  if (content.length > 0 && rules.denied.has({ name, path: [name], elements: [0] }, 'string')) {
    const value = Buffer.from(content).toString('utf8')
    const replacement = rules.placeholders.of('FIELD', value)
    const edits = [{ start: 0, end: value.length, name: 'field_name', replacement }]
    const counts = { field_name: 1 }
    return { kind: 'judged', content: Buffer.from(replacement), counts, edits, uninspectable: 0 }
  }
  return judgePart(content, contentType, cut)
}

/** A file's declared type, or the type that its name implies where the declared one says nothing. */
function fileType(fileName: string, contentType: string): string {
  const extension = /\.([a-z0-9]+)$/i.exec(fileName)?.[1]?.toLowerCase() ?? ''
  const implied = TEXT_FILES.get(extension)
  const given = contentType === '' ? 'application/octet-stream' : contentType
  const { mediaType, charset } = readContentType(given)
  const opaque = declaredOpaque({ mediaType, charset: '', boundary: '' }) !== ''
  return implied !== undefined && (mediaType === 'text/plain' || opaque)
    ? `${implied};charset=${charset}`
    : given
}
