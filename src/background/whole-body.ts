import { readResponse } from '../providers/apis/read-response.ts'
import { emptyReading, type WireApi } from '../providers/apis/wire-api.ts'
import { declaredFraming } from '../redaction/body-kind.ts'
import type { ContentFacts } from '../traces/exchange.ts'
import { isAmbiguous } from '../wire/json/ambiguous.ts'
import { WHOLE_JSON_BYTES } from '../wire/json/body.ts'
import { parseObject } from '../wire/json/values.ts'
import { BodyCopy } from './body-copy.ts'
import { modelNamed } from './request-reading.ts'
import type { SideObservation } from './side-observation.ts'

/** What was read of either side's content. */
interface ReadSide extends Pick<SideObservation, 'seenBytes' | 'body'> {
  /** Why the content was not, or not wholly, understood. */
  readonly notes: readonly string[]
}

/** A request's content as it was read. */
export type RequestSide = ReadSide & Pick<SideObservation, 'request'>

/** A response's content as it was read. */
export type ResponseSide = ReadSide &
  Pick<SideObservation, 'reading' | 'opaque' | 'firstTokenUs' | 'streamed' | 'understood'>

/**
 * Reads a request's content that came whole and is one JSON object without content coding, as nearly all are.
 *
 * @param captureBytes how much of it is kept; 0 for none
 * @returns `undefined` when it is anything else. `SideObservation` reads everything
 */
export function readWholeRequest(
  api: WireApi | undefined,
  { codings }: ContentFacts,
  bytes: Uint8Array,
  captureBytes: number,
): RequestSide | undefined {
  const text = api && codings === '' ? objectText(bytes) : ''
  const object = parseObject(text)
  if (!object) return undefined
  const first = text.indexOf(MODEL)
  const again = first >= 0 && text.includes(MODEL, first + MODEL.length)
  return {
    seenBytes: bytes.length,
    notes: NO_NOTES,
    body: copyOf(bytes, captureBytes),
    request: {
      // Of several models it is not known which one the upstream used, and the other must not decide the price.
      model: again && isAmbiguous(bytes, 'model') ? undefined : modelNamed(object),
      stream: object['stream'] === true,
      whole: object,
      members: object,
    },
  }
}

const MODEL = '"model"'

const NO_NOTES: readonly string[] = []

/** The same of a response. Its media type must be JSON's: others may turn out to be sound, lines or events. */
export function readWholeResponse(
  api: WireApi | undefined,
  { codings, mediaType }: ContentFacts,
  bytes: Uint8Array,
  captureBytes: number,
): ResponseSide | undefined {
  if (!api || api.lines || codings !== '') return undefined
  if (!mediaType.endsWith('json') || declaredFraming(mediaType) !== undefined) return undefined
  const object = parseObject(objectText(bytes))
  if (!object) return undefined
  const reading = emptyReading()
  try {
    readResponse(api, reading, object)
  } catch {
    return undefined
  }
  return {
    seenBytes: bytes.length,
    notes: NO_NOTES,
    body: copyOf(bytes, captureBytes),
    reading,
    opaque: false,
    firstTokenUs: -1,
    streamed: false,
    understood: true,
  }
}

function copyOf(bytes: Uint8Array, captureBytes: number): BodyCopy | undefined {
  if (captureBytes === 0) return undefined
  const copy = new BodyCopy(captureBytes)
  copy.write(bytes)
  return copy
}

const OPEN_BRACE = 0x7b

/** The text of what may be a JSON object; empty for anything else. */
function objectText(bytes: Uint8Array): string {
  if (bytes[0] !== OPEN_BRACE || bytes.length > WHOLE_JSON_BYTES) return ''
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8')
}
