/** Field by which an answer names the origin that may read it. */
export const ALLOW_ORIGIN = 'access-control-allow-origin'

/** How long browsers may remember the answer to a preflight. */
const MAX_AGE_SECONDS = 600

/** Methods that requests to providers have. Others pass too, but `TRACE` and `CONNECT`. */
export const METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'

/**
 * Fields of an answer that pages of an origin may read. Credentials of the browser (cookies) are never allowed: the gateway reads none.
 *
 * @see https://fetch.spec.whatwg.org/#http-cors-protocol
 */
export function corsFields(origin: string): Record<string, string> {
  return { [ALLOW_ORIGIN]: origin, 'access-control-expose-headers': '*', vary: 'Origin' }
}

/** Whether a browser asks beforehand whether a request would be allowed. @param fields lower-case names */
export function isPreflight(method: string, fields: Readonly<Record<string, string>>): boolean {
  return (
    method === 'OPTIONS' &&
    fields['origin'] !== undefined &&
    fields['access-control-request-method'] !== undefined
  )
}

/** Fields of the answer to a preflight: any method, and the fields that were asked for. @param fields the request's */
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

/** Puts the fields for an origin in the place of whatever an upstream says to pages. */
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
