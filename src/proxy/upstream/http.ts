import { requireStatus } from './invalid-response.ts'
import type { UpstreamRequest } from './upstream-request.ts'

/**
 * Sends a request over HTTP.
 *
 * @returns the response as it begins, its content untouched
 * @throws Error when there is no response, or it cannot be passed on
 */
export async function sendHttp(
  { target: { url, upstream }, method, fields }: UpstreamRequest,
  body: Uint8Array | AsyncIterable<Uint8Array> | undefined,
  signal: AbortSignal,
): Promise<Response> {
  const response = await fetch(url, {
    method,
    headers: fields,
    body: body as Bun.BodyInit | undefined,
    signal,
    redirect: 'manual',
    decompress: false,
    // How long a connection may be silent is the exchange's own matter; the HTTP client would end it after five minutes.
    timeout: false,
    ...upstream.connection.fetchOptions,
  } as BunFetchRequestInit)
  requireStatus(response.status, url)
  return response
}
