import type { Framing } from '../wire/framing/event-pieces.ts'
import { FramingSniffer } from '../wire/framing/framing-sniffer.ts'
import { isJson } from '../wire/json/is-json.ts'
import { hasControls, readText } from '../wire/text-bytes.ts'

/** What a body is, as far as redaction must know it. */
export type BodyKind = 'json' | Framing | 'form' | 'multipart' | 'text' | 'opaque'

/** What a `Content-Type` field says; texts are empty where it says nothing. */
export interface DeclaredType {
  /** Lower-case, without parameters. */
  readonly mediaType: string
  /** Lower-case. */
  readonly charset: string
  readonly boundary: string
}

/** A body and its kind. */
export interface SeenBody {
  readonly kind: BodyKind
  /** Its text; empty for `opaque` and `multipart`. */
  readonly text: string
  /** Whether the text was read as UTF-8; else each byte is a character. */
  readonly utf8: boolean
  /** What separates the parts of a `multipart` body, without the leading `--`. */
  readonly boundary: string
  /** Why an `opaque` body cannot be looked into. */
  readonly reason: string
}

const LINES = [
  'application/x-ndjson',
  'application/ndjson',
  'application/jsonl',
  'application/x-jsonl',
  'application/jsonlines',
]
const TEXTS = [
  'application/x-www-form-urlencoded',
  'application/xml',
  'application/yaml',
  'application/x-yaml',
  'application/javascript',
  'application/graphql',
  'application/toml',
  'application/sql',
]

/** Charsets in which ASCII characters are their own bytes, and those that are recognised by their bytes. */
const CHARSETS = /^(?:utf-?8|us-ascii|ascii|latin-?1|iso-?8859-\d+|windows-125\d|utf-?16(?:le|be)?)?$/

/** Longest media type or charset that is reported. */
const MAX_REPORTED = 100

/** Reads a `Content-Type` field. Of boundaries the first counts; of charsets all, because readers differ in which one they take. */
export function readContentType(contentType: string): DeclaredType {
  const semicolon = contentType.indexOf(';')
  if (semicolon < 0) return { mediaType: contentType.trim().toLowerCase(), charset: '', boundary: '' }
  const parameter = (name: string): string => {
    const found = new RegExp(`;\\s*${name}\\s*=\\s*(?:"([^"]*)"|([^;\\s]*))`, 'i').exec(contentType)
    return found?.[1] ?? found?.[2] ?? ''
  }
  return {
    mediaType: contentType.slice(0, semicolon).trim().toLowerCase(),
    charset: charsetsIn(contentType),
    boundary: parameter('boundary'),
  }
}

/** What every `charset` says, once each, with commas between. */
function charsetsIn(contentType: string): string {
  const all = [...contentType.toLowerCase().matchAll(/;\s*charset\*?\s*=\s*(?:"([^"]*)"|([^;\s]*))/g)]
  return [...new Set(all.map(([, quoted, plain]) => quoted ?? plain ?? ''))].join()
}

/**
 * Why the declared type alone keeps content from being looked into: a media type of images, audio or unknown data, or a charset in which
 * bytes mean something else. Empty when it does not.
 */
export function declaredOpaque({ mediaType, charset }: DeclaredType): string {
  const known =
    mediaType === '' ||
    mediaType === 'application/json' ||
    mediaType.endsWith('+json') ||
    mediaType.endsWith('+xml') ||
    mediaType.startsWith('text/') ||
    mediaType.startsWith('multipart/') ||
    LINES.includes(mediaType) ||
    TEXTS.includes(mediaType)
  if (!known) return `${mediaType.slice(0, MAX_REPORTED)} cannot be looked into`
  return CHARSETS.test(charset) ? '' : `the charset ${charset.slice(0, MAX_REPORTED)} cannot be looked into`
}

/** How the events of a stream stand in it, by its declared type; `undefined` when that declares none. */
export function declaredFraming(mediaType: string): Framing | undefined {
  if (mediaType === 'text/event-stream') return 'sse'
  return LINES.includes(mediaType) ? 'lines' : undefined
}

/**
 * Decides what a whole body is. Its bytes decide; the declared type only chooses between readings that the bytes allow.
 *
 * @param bytes without content coding, and not in UTF-16 (`readWide`)
 */
export function seeBody(bytes: Uint8Array, declared: DeclaredType): SeenBody {
  const boundary = boundaryOf(bytes, declared)
  if (boundary !== '') return { kind: 'multipart', text: '', utf8: false, boundary, reason: '' }
  const { text, utf8 } = readText(bytes)
  const seen = (kind: BodyKind): SeenBody => ({ kind, text, utf8, boundary: '', reason: '' })
  const opaque = (reason: string): SeenBody => ({
    kind: 'opaque',
    text: '',
    utf8: false,
    boundary: '',
    reason,
  })
  if (isJson(text)) return seen('json')
  const framing = new FramingSniffer(declaredFraming(declared.mediaType)).write(bytes)
  if (framing === 'sse' || framing === 'lines') return seen(framing)
  if (hasControls(text)) return opaque(utf8 ? 'text with control characters cannot be looked into' : NOT_UTF8)
  if (text.startsWith('%PDF-')) return opaque('a PDF cannot be looked into')
  const form = declared.mediaType === 'application/x-www-form-urlencoded' || LIKE_A_FORM.test(text)
  return seen(form ? 'form' : 'text')
}

/** Why bytes that are no text cannot be looked into. */
export const NOT_UTF8 = 'non-json body is not valid utf-8'

/** Pairs of names and values without white space. */
const LIKE_A_FORM = /^[^\s=&]+=\S*\s*$/

/** The boundary of a multipart body: the declared one if it stands in it, else the one that it begins with; empty for other bodies. */
function boundaryOf(bytes: Uint8Array, { mediaType, boundary }: DeclaredType): string {
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  if (mediaType.startsWith('multipart/') && boundary !== '' && body.includes(`--${boundary}`)) return boundary
  // No text of JSON begins like that, and most bodies are JSON.
  if (body[0] === 0x7b) return ''
  const start = body.toString('latin1', 0, Math.min(body.length, MAX_START))
  return /^\s*--([^\r\n]{1,200}?)[ \t]*\r?\ncontent-[\w-]+:/i.exec(start)?.[1] ?? ''
}

/** Bytes in which the first boundary and header of a multipart body stand. */
const MAX_START = 512
