import { GatewayError } from '../errors.ts'
import { judgeBody } from '../redaction/bodies.ts'
import { bodyKind } from '../redaction/body-kind.ts'
import { restoringRules } from '../redaction/restore.ts'
import { codingOf, decodeWhole } from '../traces/recorder/content-decoder.ts'
import { broken } from './broken.ts'
import { guardResponse, requireInspectable } from './guard.ts'
import { MAX_INSPECTED_BYTES } from './inspect.ts'
import type { OpenExchange } from './open-exchange.ts'
import type { ProxyContext } from './proxy-context.ts'
import { framingOf } from './stream-filters.ts'

/**
 * Whether a policy, or placeholders to be put back, need an answer that does not come as events.
 *
 * @throws GatewayError when the policy cannot look into it, and such may not pass
 */
export function mustJudgeWhole(
  exchange: OpenExchange,
  { status, headers }: Response,
  context: ProxyContext,
): boolean {
  const { guard, restore, responseFacts } = exchange
  const length = Number(headers.get('content-length') ?? Infinity)
  const guarded = guard !== undefined && guard.response !== 'pass'
  if (!guarded && !restore) return false
  const events = framingOf(responseFacts) !== undefined && responseFacts.codings === '' && status !== 206
  if (events) return false
  if (bodyKind(responseFacts.mediaType) !== 'opaque') return guarded || length <= mostOf(exchange)
  if (guarded) {
    const { settings } = context.settings.inspector!.redaction
    // Text under a wrong type is looked through, where the type alone would let it pass.
    if (settings.uninspectable === 'allow') return length <= mostOf(exchange)
    exchange.abort.abort()
    requireInspectable(exchange, `${responseFacts.mediaType.slice(0, 100)} cannot be looked into`, context)
  }
  return false
}

function mostOf({ guard }: OpenExchange): number {
  return guard?.maxBytes ?? MAX_INSPECTED_BYTES
}

/** Passes an answer on when it has come whole and the policy has seen it. */
export async function passJudged(
  response: Response,
  head: { readonly status: number; readonly statusText: string; readonly headers: Headers },
  exchange: OpenExchange,
  context: ProxyContext,
): Promise<Response> {
  const { guard, restore, responseFacts } = exchange
  const content = await readAnswer(response, exchange, context)
  exchange.responseContent = content
  exchange.responseBytes = content.length
  const coding = codingOf(responseFacts.codings)
  const plain =
    coding === 'identity'
      ? content
      : coding === 'unknown'
        ? undefined
        : decodeWhole(content, coding, guard?.maxBytes)
  if (!plain) requireInspectable(exchange, 'its content coding cannot be looked into', context)
  let judged = plain ?? content
  if (plain && guard && guard.response !== 'pass')
    judged = await guardResponse(exchange, plain, guard, context)
  if (plain && restore) {
    const verdict = judgeBody(judged, responseFacts.mediaType, restoringRules(restore))
    if (verdict.kind === 'judged') judged = verdict.content
  }
  const changed = judged !== plain
  if (changed) for (const name of OF_THE_BYTES) head.headers.delete(name)
  head.headers.delete('content-length')
  exchange.status = response.status
  exchange.end('completed')
  return new Response(changed ? judged : content, head)
}

/** Fields that speak of the very bytes that came. */
const OF_THE_BYTES = ['content-encoding', 'content-md5', 'digest', 'content-digest', 'repr-digest', 'etag']

/** The whole of an answer. @throws GatewayError when it is larger than the policy looks at */
async function readAnswer(
  response: Response,
  exchange: OpenExchange,
  context: ProxyContext,
): Promise<Uint8Array> {
  const most = mostOf(exchange)
  const pieces: Uint8Array[] = []
  let size = 0
  try {
    for await (const piece of response.body!) {
      exchange.clock.phaseAt = performance.now()
      pieces.push(piece)
      size += piece.length
      if (size > most) break
    }
  } catch (error) {
    throw broken(exchange, error, 'upstream_aborted', 'upstream request failed')
  }
  const content = Buffer.concat(pieces)
  if (size <= most) return content
  exchange.responseContent = content
  exchange.responseBytes = size
  exchange.abort.abort()
  requireInspectable(exchange, `it is larger than ${most} bytes`, context)
  throw new GatewayError('response_uninspectable', `response is larger than ${most} bytes`)
}
