import type { OpenExchange } from './open-exchange.ts'
import type { ProxySettings } from '../proxy-context.ts'

/**
 * Breaks a WebSocket off whose gateway key counts no longer: it was revoked, its token was replaced, it has expired, or keys were turned on.
 * A connection carries any number of requests. Other exchanges are one request each and may end.
 */
export function breakOffKeyless(exchange: OpenExchange, { keyring, gatewayKeyField }: ProxySettings): void {
  if (exchange.status !== 101 || !keyring) return
  const token = exchange.gatewayKey || (exchange.fields[gatewayKeyField]?.trim() ?? '')
  if (token === '') return exchange.breakOff('missing_gateway_key')
  try {
    if (!keyring.identify(token, Date.now())) exchange.breakOff('invalid_gateway_key')
  } catch {
    // A store that is silent for long says nothing of this key.
  }
}
