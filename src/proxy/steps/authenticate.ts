import type { OpenExchange } from '../exchange/open-exchange.ts'
import type { ProxyContext } from '../proxy-context.ts'
import { presentedKey } from '../request/presented-key.ts'

/**
 * Identifies the caller. The host of the request and a page's origin are judged first, then the gateway key. A gateway key where the
 * provider's key goes is taken out of the request.
 *
 * @throws GatewayError when the request may not come from there, or its key is missing or not valid
 */
export function authenticate(
  exchange: OpenExchange,
  { settings: { keyring, gatewayKeyField, gatewayKeyPlaces, browsers } }: ProxyContext,
): void {
  const { addresses } = exchange.arrival
  browsers.requireHost(keyring !== undefined, addresses)
  const origin = browsers.requireOrigin(
    keyring ? 'provider with key' : 'provider',
    exchange.fields,
    addresses,
  )
  if (origin !== undefined) exchange.letRead(origin)
  if (!keyring) return
  const rule = {
    keyring,
    keyField: gatewayKeyField,
    places: gatewayKeyPlaces,
    credentialField: exchange.target.upstream.credentialField,
  }
  const key = presentedKey(exchange, rule, exchange.startedAtUs / 1000)
  exchange.identify(key.identity, key.token)
  if (key.rest !== exchange) exchange.withoutKey(key.rest)
}
