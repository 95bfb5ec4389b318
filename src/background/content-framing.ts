import { CALL_MEMBERS } from '../traces/model-call.ts'
import { AwsEventStreamDecoder } from '../wire/framing/aws-event-stream.ts'
import { JsonObjects } from '../wire/framing/json-objects.ts'
import { MultipartFields } from '../wire/framing/multipart-fields.ts'
import { SseDecoder } from '../wire/framing/sse-decoder.ts'
import { JsonBody } from '../wire/json/body.ts'
import type { ContentShape, ContentStart } from './content-start.ts'

/** How the content of one side is read; `start` until its first bytes show that. */
export type ContentFraming =
  | { readonly kind: 'none' }
  /** What was read before it still counts. */
  | { readonly kind: 'unreadable' }
  | { readonly kind: 'start'; readonly start: ContentStart }
  | { readonly kind: 'body'; readonly body: JsonBody }
  | { readonly kind: 'objects'; readonly objects: JsonObjects }
  | { readonly kind: 'sse'; readonly decoder: SseDecoder }
  | { readonly kind: 'aws'; readonly decoder: AwsEventStreamDecoder }
  | { readonly kind: 'form'; readonly fields: MultipartFields }

/** An event, line or element up to this size is read; a larger one is left out and noted. */
const MAX_EVENT_BYTES = 32 * 1024 * 1024

/** Members that are read of a response too large to be parsed whole. */
const RESPONSE_MEMBERS = new Set([
  'id',
  'model',
  'usage',
  'usageMetadata',
  'usage_info',
  'diagnostics',
  'prompt_cache_diagnostics',
  'x_groq',
  'meta',
  'metadata',
  'modelVersion',
  'responseId',
  'service_tier',
  'duration',
  'error',
  'type',
  'object',
  'base_resp',
  'message',
  'finish_reason',
  'stop_reason',
  'stopReason',
  'status',
  'done',
  'prompt_eval_count',
  'eval_count',
])

/** The same of a request, and the fields that are read of a form. */
const REQUEST_MEMBERS = new Set([
  'model',
  'stream',
  'service_tier',
  'metadata',
  'user',
  'safety_identifier',
  'message',
  'ttl',
  ...CALL_MEMBERS,
])

/** What takes content of a shape apart, from its first byte on. */
export function framingOf(shape: ContentShape, side: 'request' | 'response'): ContentFraming {
  switch (shape) {
    case 'sse':
      return { kind: 'sse', decoder: new SseDecoder(MAX_EVENT_BYTES) }
    case 'objects':
      return { kind: 'objects', objects: new JsonObjects(MAX_EVENT_BYTES) }
    case 'aws':
      return { kind: 'aws', decoder: new AwsEventStreamDecoder() }
    case 'form':
      return { kind: 'form', fields: new MultipartFields(REQUEST_MEMBERS) }
    case 'json':
      return { kind: 'body', body: new JsonBody(side === 'request' ? REQUEST_MEMBERS : RESPONSE_MEMBERS) }
    case 'none':
      return { kind: 'none' }
    default:
      return shape satisfies never
  }
}
