import { GatewayError, type GatewayErrorCode } from '../../errors.ts'
import type { Outcome } from '../../traces/exchange.ts'
import type { ContentHashes } from '../exchange/content-hashes.ts'
import type { OpenExchange } from '../exchange/open-exchange.ts'
import type { StreamFilter } from '../policies/content-policy.ts'
import type { ProxyContext } from '../proxy-context.ts'
import type { ResponsePolicies } from './response-policies.ts'
import { ended, refusalIn, requirePassing, written } from './stream-filters.ts'
import { piecesOf, Turns } from './turns.ts'

/** A response's content, and what it passes through. */
interface Body {
  readonly body: AsyncIterable<Uint8Array>
  readonly filters: readonly StreamFilter[]
}

/** Begins to read a response. */
export type BeginBody = () => Body | Promise<Body>

const EMPTY = new Uint8Array(0)

/** The response's content, observed after it was handed on. Its end is the exchange's end. */
export async function* observedResponse(
  begin: BeginBody,
  exchange: OpenExchange,
  policies: ResponsePolicies,
  context: ProxyContext,
): AsyncGenerator<Uint8Array> {
  const { clock, hashes } = exchange
  const { id, wire, responseFacts: facts } = exchange
  const tap = context.sink.observe({ id, side: 'response', wire, facts })
  const turns = new Turns()
  let onItsWay: Uint8Array | undefined
  let atUs = 0
  let outcome: Outcome = 'client_aborted'
  let code: GatewayErrorCode | '' = ''
  try {
    const begun = begin()
    const { body, filters } = begun instanceof Promise ? await begun : begun
    for await (const chunk of body) {
      clock.phaseAt = performance.now()
      atUs = (clock.phaseAt - exchange.startedAt) * 1000
      onItsWay = chunk
      exchange.responseBytes += chunk.length
      exchange.responseChunks += 1
      hashes?.chunk('response', chunk)
      exchange.outgrown()
      if (filters.length === 0) yield chunk
      else {
        for (const piece of piecesOf(chunk)) {
          const passed = written(filters, piece)
          if (passed.length > 0) yield relayed(passed, hashes)
          const turn = turns.next()
          if (turn) await turn
        }
      }
      tap.take(chunk, atUs)
      onItsWay = undefined
      requirePassing(filters)
    }
    const rest = filters.length > 0 ? await ended(filters) : EMPTY
    if (rest.length > 0) yield relayed(rest, hashes)
    requirePassing(filters)
    outcome = 'completed'
    policies.streamEnded()
  } catch (error) {
    if (error instanceof GatewayError && /^(?:response_|pii_)/.test(error.code)) {
      // The client already has the response's head: the refusal is the last event.
      policies.streamEnded(error)
      outcome = 'refused'
      code = error.code
      yield relayed(refusalIn(exchange, error), hashes)
      return
    }
    if (exchange.brokenBy !== 'client_aborted') {
      outcome = 'upstream_failed'
      code = exchange.brokenBy ?? 'upstream_aborted'
    }
    throw error
  } finally {
    // The client left while a chunk was on its way to it: the chunk was received, so it is counted.
    if (onItsWay) tap.take(onItsWay, atUs)
    tap.end()
    exchange.end(outcome, code)
    exchange.abort.abort()
  }
}

/** A piece that differs from what came. */
function relayed(piece: Uint8Array, hashes: ContentHashes | undefined): Uint8Array {
  hashes?.chunk('relayed', piece)
  return piece
}
