import type { OpenExchange } from '../exchange/open-exchange.ts'
import type { ProxyContext } from '../proxy-context.ts'

/**
 * Identifies the caller. The host of the request and a page's origin are judged first, then the gateway key.
 *
 * @throws GatewayError when the request may not come from there, or its key is missing or not valid
 */
export function authenticate(
  exchange: OpenExchange,
  { settings: { keyring, gatewayKeyField, browsers } }: ProxyContext,
): void {
  const { addresses } = exchange.arrival
  browsers.requireHost(keyring !== undefined, addresses)
  const origin = browsers.requireOrigin(
    keyring ? 'provider with key' : 'provider',
    exchange.fields,
    addresses,
  )
  if (origin !== undefined) exchange.letRead(origin)
  if (keyring) {
    exchange.identify(keyring.authenticate(exchange.fields, gatewayKeyField, exchange.startedAtUs / 1000))
  }
}
