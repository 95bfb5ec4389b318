/** Fields in which providers return their own request id, most specific first. */
const REQUEST_ID_FIELDS = ['x-request-id', 'request-id', 'apim-request-id', 'x-amzn-requestid', 'cf-ray']

/** The provider's own id of a request, from the fields of its response; empty for none. @param fields lower-case names */
export function upstreamRequestId(fields: Readonly<Record<string, string | readonly string[]>>): string {
  for (const name of REQUEST_ID_FIELDS) {
    const value = fields[name]
    const first = typeof value === 'string' ? value : value?.[0]
    if (first) return first.slice(0, 256)
  }
  return ''
}
