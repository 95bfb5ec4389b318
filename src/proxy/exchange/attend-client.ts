import type { OpenExchange } from './open-exchange.ts'

/** Keeps the connection open, however quiet it is, and breaks the exchange off when the client leaves. */
export function attendClient(exchange: OpenExchange): void {
  const { signal } = exchange.arrival.request
  exchange.keepOpen()
  if (signal.aborted) clientLeft(exchange)
  else signal.addEventListener('abort', () => clientLeft(exchange))
}

/** How long an exchange whose client left may take to notice. */
const NOTICE_MS = 1000

function clientLeft(exchange: OpenExchange): void {
  // An upgraded connection reports its end itself.
  if (exchange.status === 101) return
  exchange.breakOff('client_aborted')
  // A stream that was never read does not notice that it was given up.
  setTimeout(() => exchange.end('client_aborted'), NOTICE_MS).unref()
}
