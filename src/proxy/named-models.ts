import { MultipartFields } from '../wire/framing/multipart-fields.ts'
import { valueAt, walkTopLevel } from '../wire/json/spans.ts'

const UTF8_MARK = [0xef, 0xbb, 0xbf]

/**
 * Every model that a request's content names. Readers differ in which of several they take: the first or the last of a repeated name, a name
 * in other case (Go's JSON), a list to fall back on (`models`).
 *
 * @param plain without content coding
 * @param contentType the field as it came
 * @returns nothing where the content cannot be followed to its end, for then it may name others
 */
export function modelsOfContent(plain: Uint8Array, contentType: string): readonly string[] {
  if (/^\s*multipart\/form-data/i.test(contentType)) return modelsOfForm(plain, contentType)
  const models: string[] = []
  const marked = UTF8_MARK.every((byte, i) => plain[i] === byte)
  const json = marked ? plain.subarray(UTF8_MARK.length) : plain
  let readable = true
  const whole = walkTopLevel(json, (name, start, end) => {
    if (!/^models?$/i.test(name)) return
    const value = valueAt(json, { start, end })
    readable &&= value !== undefined
    for (const model of Array.isArray(value) ? (value as unknown[]) : [value])
      // As Gemini writes names in content.
      if (typeof model === 'string') models.push(model.replace(/^models\//, ''))
  })
  return whole && readable ? models : []
}

/** The boundary is read from the first line; one that is not the field's would show other parts than the upstream sees. */
function modelsOfForm(plain: Uint8Array, contentType: string): readonly string[] {
  const [, quoted, token] = /;\s*boundary=(?:"([^"]*)"|([^\s;]+))/i.exec(contentType) ?? []
  const first = Buffer.from(`--${quoted ?? token ?? ''}\r\n`)
  if (!first.equals(plain.subarray(0, first.length))) return []
  const fields = new MultipartFields(new Set(['model']))
  fields.write(plain)
  return fields.all('model') ?? []
}
