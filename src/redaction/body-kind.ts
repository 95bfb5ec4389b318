import type { Framing } from './event-framing.ts'

/** What a body is, as far as redaction must know it. */
export type BodyKind = 'json' | Framing | 'form' | 'multipart' | 'text' | 'opaque'

const LINES = [
  'application/x-ndjson',
  'application/ndjson',
  'application/jsonl',
  'application/x-jsonl',
  'application/jsonlines',
]
const TEXTS = [
  'application/xml',
  'application/yaml',
  'application/x-yaml',
  'application/javascript',
  'application/graphql',
  'application/toml',
  'application/sql',
]

/** What a media type says. A body without one is JSON or text, as the contract has it. @param mediaType lower-case, without parameters */
export function bodyKind(mediaType: string): BodyKind {
  if (mediaType === '' || mediaType === 'application/json' || mediaType.endsWith('+json')) return 'json'
  if (mediaType === 'text/event-stream') return 'sse'
  if (LINES.includes(mediaType)) return 'lines'
  if (mediaType === 'application/x-www-form-urlencoded') return 'form'
  if (mediaType === 'multipart/form-data') return 'multipart'
  if (mediaType.startsWith('text/') || TEXTS.includes(mediaType) || mediaType.endsWith('+xml')) return 'text'
  return 'opaque'
}
