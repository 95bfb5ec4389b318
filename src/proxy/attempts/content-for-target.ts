import { GatewayError } from '../../errors.ts'
import { codingOf, decodeUpTo } from '../../wire/framing/content-decoder.ts'
import type { OpenExchange } from '../exchange/open-exchange.ts'
import type { RequestBody } from '../exchange/request-body.ts'
import { formWithModel, jsonWithModel } from '../targets/rewrite-model.ts'

/** Largest content that is decoded to write a model into it; what is larger was not seen either. */
const MAX_DECODED_BYTES = 16 * 1024 * 1024

/**
 * The content as the chosen target gets it: with its own name for the model, and otherwise unchanged. Content with a coding loses it.
 *
 * @returns the same object when nothing changes
 */
export function contentForTarget(body: RequestBody, exchange: OpenExchange): RequestBody {
  const { plan, chosen, asked, requestContent } = exchange
  const model = chosen?.model
  const place = plan?.rewrite
  if (model === undefined || place === undefined || place === 'path.model' || body.kind !== 'held')
    return body
  const plain = plainBytes(body.bytes, exchange)
  const bytes =
    place === 'model'
      ? // Places are those of the content as it came.
        jsonWithModel(plain, model, body.bytes === requestContent ? asked?.modelAt : undefined)
      : formWithModel(plain, exchange.fields['content-type'] ?? '', model)
  return { kind: 'held', bytes }
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
