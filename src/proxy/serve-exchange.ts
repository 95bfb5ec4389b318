import type { Server } from 'bun'
import type { Arrival } from './exchange/arrival.ts'
import { OpenExchange } from './exchange/open-exchange.ts'
import type { ProxyContext } from './proxy-context.ts'
import type { WebSocketRelay } from './response/websocket-relay.ts'
import { admit } from './steps/admit.ts'
import { applyPolicies } from './steps/apply-policies.ts'
import { authenticate } from './steps/authenticate.ts'
import { authorize } from './steps/authorize.ts'
import { publish } from './steps/publish.ts'
import { readRequest } from './steps/read-request.ts'
import { refuse } from './steps/refuse.ts'
import { relay } from './steps/relay.ts'
import { resolveTarget } from './steps/resolve-target.ts'
import { send } from './steps/send.ts'

/**
 * A request's way, from arrival to record. HTTP and WebSocket requests take the same steps, each of which lives in the file of its name:
 *
 * 1. route — path → provider or model route. The listener has done it (`steps/route.ts`)
 * 2. authenticate — the host of the request and a page's origin; gateway key → caller
 * 3. read request — the head, and which policies see the content; the content is read when it is first needed
 * 4. resolve target — on model routes: model → targets, and the first of them
 * 5. authorize — the route's permission, the key's rules, a provider credential
 * 6. admit — rules about models, limits and budgets
 * 7. apply policies — price gate, redaction, usage injection
 * 8. send — to the upstream
 * 9. relay — upstream ⇄ client, observed as it passes
 * 10. publish — settle, record, report. `OpenExchange.end` calls it, once, however the exchange ends: served, refused, failed or abandoned
 *
 * @returns `undefined` when the client's connection has become a WebSocket
 */
export async function serveExchange(
  arrival: Arrival,
  server: Server<WebSocketRelay>,
  context: ProxyContext,
): Promise<Response | undefined> {
  const exchange = new OpenExchange(arrival, context, publish)
  try {
    authenticate(exchange, context)
    const incoming = readRequest(exchange, context)
    const resolved = resolveTarget(exchange, incoming, context)
    if (resolved) await resolved
    authorize(exchange, context)
    const admitted = admit(exchange, incoming, context)
    // Counters in memory decide at once, and awaiting nothing still costs a turn.
    if (admitted) await admitted
    const applied = applyPolicies(exchange, incoming)
    const body = applied instanceof Promise ? await applied : applied
    const sent = await send(exchange, body, incoming, context)
    return await relay(exchange, sent, incoming.policies, server, context)
  } catch (error) {
    return refuse(exchange, error, context)
  }
}
