import type { GatewayError } from '../../errors.ts'
import type { OpenExchange } from './open-exchange.ts'
import type { ProxySettings } from '../proxy-context.ts'

/**
 * Breaks a WebSocket off whose gateway key counts no longer: it was revoked, its token was replaced, it has expired, or keys were turned on.
 * A connection carries any number of requests. Other exchanges are one request each and may end.
 */
export function breakOffKeyless(exchange: OpenExchange, { keyring, gatewayKeyField }: ProxySettings): void {
  if (exchange.status !== 101 || !keyring) return
  try {
    keyring.authenticate(exchange.fields, gatewayKeyField, Date.now())
  } catch (error) {
    const { code } = error as GatewayError
    // A store that is silent for long says nothing of this key.
    if (code === 'invalid_gateway_key' || code === 'missing_gateway_key') exchange.breakOff(code)
  }
}
