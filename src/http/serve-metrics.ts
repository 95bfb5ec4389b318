import { timingSafeEqual } from 'node:crypto'
import type { Scrape } from '../telemetry/prometheus-text.ts'

/** What serves metrics to Prometheus. */
export interface MetricsEndpoint {
  readonly path: string
  /** Bearer token without which nothing is told; empty for none. */
  readonly token: string
  /** `undefined` when there is nothing to tell, or it cannot be told in time. */
  readonly scrape: (openMetrics: boolean) => Promise<Scrape | undefined>
}

/** Answers Prometheus, in OpenMetrics when it asks for that. */
export async function serveMetrics(request: Request, { token, scrape }: MetricsEndpoint): Promise<Response> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return new Response('method not allowed\n', { status: 405, headers: { allow: 'GET, HEAD' } })
  }
  if (token !== '' && !isToken(request.headers.get('authorization'), token)) {
    return new Response('metrics token is missing or wrong\n', {
      status: 401,
      headers: { 'www-authenticate': 'Bearer' },
    })
  }
  const scraped = await scrape(
    request.headers.get('accept')?.includes('application/openmetrics-text') ?? false,
  )
  if (!scraped)
    return new Response('metrics are not available\n', { status: 503, headers: { 'retry-after': '5' } })
  const { text, mediaType } = scraped
  return new Response(request.method === 'HEAD' ? null : text, { headers: { 'content-type': mediaType } })
}

function isToken(field: string | null, token: string): boolean {
  const hash = (text: string): Uint8Array => Bun.SHA256.hash(text) as Uint8Array
  const given = /^Bearer +(.+)$/i.exec(field ?? '')?.[1] ?? ''
  return timingSafeEqual(hash(given), hash(token))
}
