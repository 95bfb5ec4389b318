import { GatewayError } from '../../errors.ts'
import { codingOf, decodeUpTo } from '../../wire/framing/content-decoder.ts'
import type { OpenExchange } from '../exchange/open-exchange.ts'
import type { RequestBody } from '../exchange/request-body.ts'
import { jsonForCall } from '../targets/rewrite-members.ts'
import { formWithModel, jsonWithModel } from '../targets/rewrite-model.ts'

/** Largest content that is decoded to write a model into it; what is larger was not seen either. */
const MAX_DECODED_BYTES = 16 * 1024 * 1024

/** Content as a target gets it. */
export interface ContentForTarget {
  readonly body: RequestBody
  /** Members that its call removes, adds or changes; none for most targets. */
  readonly changed: readonly string[]
}

const NONE: readonly string[] = []

/**
 * The content as the chosen target gets it: with its own name for the model, as the call there is written, and otherwise unchanged. Content
 * with a coding loses it.
 *
 * @returns the same body when nothing changes
 */
export function contentForTarget(body: RequestBody, exchange: OpenExchange): ContentForTarget {
  const { plan, chosen, asked, askedModel, requestContent, target } = exchange
  const model = chosen?.model
  const place = plan?.rewrite
  if (body.kind !== 'held') return { body, changed: NONE }
  if (target.call) {
    const plain = plainBytes(body.bytes, exchange)
    const { json, changed } = jsonForCall(plain, target.call, exchange.fields, model ?? askedModel)
    return { body: { kind: 'held', bytes: json }, changed }
  }
  if (model === undefined || place === undefined || place === 'path.model') return { body, changed: NONE }
  const plain = plainBytes(body.bytes, exchange)
  const bytes =
    place === 'model'
      ? // Places are those of the content as it came.
        jsonWithModel(plain, model, body.bytes === requestContent ? asked?.modelAt : undefined)
      : formWithModel(plain, exchange.fields['content-type'] ?? '', model)
  return { body: { kind: 'held', bytes }, changed: NONE }
}

/** Without content coding. A policy that changed the content has removed it already. */
function plainBytes(bytes: Uint8Array, { requestContent, requestFacts }: OpenExchange): Uint8Array {
  const coding = codingOf(requestFacts.codings)
  if (bytes !== requestContent || coding === 'identity') return bytes
  const plain = coding === 'unknown' ? 'invalid' : decodeUpTo(bytes, coding, MAX_DECODED_BYTES)
  // Its model was read, so it can be decoded.
  if (typeof plain === 'string') throw new GatewayError('bad_request', 'the content cannot be decoded')
  return plain
}
