import { contractJson } from '../wire/json/contract-json.ts'

/** A JSON response of the management API. The content ends with a newline. */
export function jsonResponse(
  status: number,
  value: unknown,
  fields: Readonly<Record<string, string>> = {},
): Response {
  return new Response(`${contractJson(value)}\n`, {
    status,
    headers: { ...fields, 'content-type': 'application/json' },
  })
}
