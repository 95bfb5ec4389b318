/** Field in which a response names the origin that may read it. */
export const ALLOW_ORIGIN = 'access-control-allow-origin'

/** How long browsers may cache the response to a preflight. */
const MAX_AGE_SECONDS = 600

/** Methods of requests to providers. All others pass too, except `TRACE` and `CONNECT`. */
export const METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'

/**
 * Fields of a response that pages of an origin may read. Credentials of the browser (cookies) are never allowed: the
 * gateway reads none.
 *
 * @see https://fetch.spec.whatwg.org/#http-cors-protocol
 */
export function corsFields(origin: string): Record<string, string> {
  return { [ALLOW_ORIGIN]: origin, 'access-control-expose-headers': '*', vary: 'Origin' }
}

/** Whether a request is a browser's preflight. @param fields lower-case names */
export function isPreflight(method: string, fields: Readonly<Record<string, string>>): boolean {
  return (
    method === 'OPTIONS' &&
    fields['origin'] !== undefined &&
    fields['access-control-request-method'] !== undefined
  )
}

/** Fields of the response to a preflight: any method, and the requested fields. @param fields the request's */
export function preflightFields(
  origin: string,
  fields: Readonly<Record<string, string>>,
): Record<string, string> {
  const wanted = fields['access-control-request-headers']
  return {
    ...corsFields(origin),
    'access-control-allow-methods': METHODS,
    ...(wanted === undefined ? {} : { 'access-control-allow-headers': wanted }),
    'access-control-max-age': String(MAX_AGE_SECONDS),
  }
}

/** Replaces an upstream's fields for pages with the gateway's. */
export function replaceCorsFields(headers: Headers, own: Readonly<Record<string, string>>): void {
  const theirs = [...headers.keys()].filter((name) => name.startsWith('access-control-'))
  for (const name of theirs) headers.delete(name)
  const vary = headers.get('vary')
  for (const name in own) headers.set(name, own[name]!)
  if (vary !== null) headers.set('vary', variesByOrigin(vary) ? vary : `${vary}, Origin`)
}

function variesByOrigin(vary: string): boolean {
  return vary.split(',').some((name) => ['*', 'origin'].includes(name.trim().toLowerCase()))
}
