import { objectOf, textOf, type JsonObject } from '../../wire/json/values.ts'

/** Longest code that is kept; some providers send a sentence instead of one. */
const MAX_CODE_LENGTH = 200

/**
 * Reads the failure that a response, or one event of it, reports, whatever its status.
 *
 * Providers and the servers that imitate them mix each other's shapes, so every API is read for all of them. These are `error` as an object
 * or a text, the error itself marked by `object` (Mistral, vLLM) or `type` (Anthropic, Responses), and a status in `base_resp` (MiniMax).
 *
 * @returns the provider's code, else its type, else its text; `undefined` when nothing failed
 */
export function readResponseError(response: JsonObject): string | undefined {
  const { error } = response
  if (typeof error === 'object' && error !== null) {
    const object = objectOf(error)
    if (object && Object.keys(object).length > 0) return codeOf(object)
  } else if (typeof error === 'string' && error !== '') return error.slice(0, MAX_CODE_LENGTH)
  if (response['type'] === 'error' || response['object'] === 'error') return codeOf(response)
  const status = response['base_resp'] === undefined ? 0 : objectOf(response['base_resp'])?.['status_code']
  return typeof status === 'number' && status !== 0 ? String(status) : undefined
}

/** A word says more than a number, and a code more than the type it belongs to. */
function codeOf(error: JsonObject): string {
  const { status, code, type } = error
  const name =
    // Gemini's name for its numeric code.
    textOf(status) ?? textOf(code) ?? textOf(type) ?? (typeof code === 'number' ? String(code) : 'error')
  return name.slice(0, MAX_CODE_LENGTH)
}
