import { fieldsOfForm } from '../../wire/framing/strict-form.ts'
import { walkTopLevel } from '../../wire/json/spans.ts'
import type { Span } from '../../wire/span.ts'

const UTF8_MARK = [0xef, 0xbb, 0xbf]

/** The names that readers take for the member `model`; `readContent` counts the same ones. */
const MODEL_MEMBER = /^model$/iu
const MODEL_FIELD = /^\s*model\s*$/iu

/**
 * JSON whose member `model` at the top level has another value; a repeated member everywhere. No other byte changes.
 *
 * @param json plain, without content coding; a byte order mark may stand before it
 * @param known where the one value stands, if that is known
 * @returns the same object if there is no such member
 */
export function jsonWithModel(json: Uint8Array, model: string, known?: Span): Uint8Array {
  if (known) return spliced(json, [known], JSON.stringify(model))
  const marked = UTF8_MARK.every((byte, i) => json[i] === byte) ? UTF8_MARK.length : 0
  const spans: Span[] = []
  walkTopLevel(marked === 0 ? json : json.subarray(marked), (name, start, end) => {
    if (MODEL_MEMBER.test(name)) spans.push({ start: start + marked, end: end + marked })
  })
  return spliced(json, spans, JSON.stringify(model))
}

/**
 * A form whose field `model` has another value. No other byte changes.
 *
 * @param form plain, without content coding
 * @param contentType the field as it came, with its boundary
 * @returns the same object if there is no such field, or readers do not agree on the form
 */
export function formWithModel(form: Uint8Array, contentType: string, model: string): Uint8Array {
  return spliced(form, fieldsOfForm(form, contentType, MODEL_FIELD) ?? [], model)
}

/** A path of Gemini's dialect, `…/models/{model}:verb`, with another model. Everything else stays as it is written. */
export function pathWithModel(path: string, model: string): string {
  const [, before, verb = ''] = /^(.*\/models\/)[^:]*?((?::|%3a)[^/]*)?$/i.exec(path) ?? []
  return before === undefined ? path : `${before}${escaped(model)}${verb}`
}

/** What a segment may hold as it is (RFC 3986, `pchar`), except `:`, which ends the model's name. */
function escaped(model: string): string {
  return encodeURIComponent(model).replace(/%(?:40|2B|2C|24|26|3D)/g, decodeURIComponent)
}

function spliced(bytes: Uint8Array, spans: readonly Span[], text: string): Uint8Array {
  if (spans.length === 0) return bytes
  const length = Buffer.byteLength(text)
  let size = bytes.length
  for (const { start, end } of spans) size += length - (end - start)
  const made = Buffer.allocUnsafe(size)
  let [from, at] = [0, 0]
  for (const { start, end } of spans) {
    made.set(bytes.subarray(from, start), at)
    at += start - from
    made.write(text, at)
    at += length
    from = end
  }
  made.set(bytes.subarray(from), at)
  return made
}
