import { GatewayError } from '../../errors.ts'
import { broken } from '../exchange/broken.ts'
import type { OpenExchange } from '../exchange/open-exchange.ts'
import type { RequestBody } from '../exchange/request-body.ts'
import { choosePolicies } from '../policies/choose-policies.ts'
import { MAX_INSPECTED_BYTES, type ContentPolicy } from '../policies/content-policy.ts'
import type { RedactionPorts } from '../policies/redaction-run.ts'
import type { ProxyContext } from '../proxy-context.ts'

/** Content of a known length up to this is read in one piece, at half the cost; everything else streams. */
const BUFFERED_BYTES = 256 * 1024

/** One shows credentials that were put in on the way, the other asks for a tunnel. */
const NEVER_FORWARDED = ['TRACE', 'CONNECT']

/** Methods whose request the HTTP client cannot give content. */
const WITHOUT_CONTENT = ['GET', 'HEAD']

/** A request whose head has been read. Its content is read when it is first needed, once. */
export class IncomingRequest {
  /** In the order in which the request passes them. */
  readonly policies: readonly ContentPolicy[]
  readonly hasContent: boolean
  /** Of the content, as declared; 0 for none, -1 when it is not known. */
  readonly length: number
  readonly #request: Request
  readonly #exchange: OpenExchange
  #held: RequestBody | undefined

  constructor(exchange: OpenExchange, policies: readonly ContentPolicy[], length: number | undefined) {
    this.#request = exchange.arrival.request
    this.#exchange = exchange
    this.policies = policies
    this.hasContent = (length ?? 0) > 0 || exchange.fields['transfer-encoding'] !== undefined
    this.length = this.hasContent ? (length ?? -1) : 0
  }

  /**
   * Holds the content, so that rules, limits and policies can see it. More of it than can be held is only begun.
   *
   * @throws GatewayError when it is too large, cannot be read, or a policy lets nothing pass unseen
   */
  async hold(): Promise<RequestBody> {
    return (this.#held ??= await this.#read())
  }

  /** The content when no policy must see it: what is held already, small content whole, everything else as it comes. */
  async pass(): Promise<RequestBody> {
    if (this.#held) return this.#held
    return this.#isSmall ? await this.#readWhole() : { kind: 'streamed', chunks: this.#request.body! }
  }

  get #isSmall(): boolean {
    return this.length > 0 && this.length <= BUFFERED_BYTES
  }

  async #read(): Promise<RequestBody> {
    const body = this.#isSmall ? await this.#readWhole() : await this.#readUpTo(this.#mostHeld)
    if (body.kind === 'held') {
      const { maxBodyBytes } = this.#exchange
      if (maxBodyBytes > 0 && body.bytes.length > maxBodyBytes) throw tooLarge(maxBodyBytes)
    } else for (const { request } of this.policies) request?.unseen()
    return body
  }

  get #mostHeld(): number {
    let most = MAX_INSPECTED_BYTES
    for (const { request } of this.policies)
      if (request?.needs === 'all') most = Math.min(most, request.maxBytes)
    return most
  }

  async #readWhole(): Promise<RequestBody> {
    const exchange = this.#exchange
    exchange.clock.enter('request')
    exchange.hold(this.length)
    try {
      return this.#take(new Uint8Array(await this.#request.arrayBuffer()))
    } catch (error) {
      throw broken(exchange, error, 'bad_request', 'failed to read request body')
    }
  }

  async #readUpTo(most: number): Promise<RequestBody> {
    const exchange = this.#exchange
    exchange.clock.enter('request')
    const rest = this.#request.body![Symbol.asyncIterator]()
    const beginning: Uint8Array[] = []
    let size = 0
    try {
      while (Math.max(size, this.length) <= most) {
        const { done, value } = await rest.next()
        if (done) return this.#take(Buffer.concat(beginning))
        exchange.hold(value.length)
        beginning.push(value)
        size += value.length
      }
    } catch (error) {
      if (error instanceof GatewayError) throw error
      throw broken(exchange, error, 'bad_request', 'failed to read request body')
    }
    return { kind: 'replayable', beginning, rest }
  }

  #take(bytes: Uint8Array): RequestBody {
    this.#exchange.requestContent = bytes
    this.#exchange.requestBytes = bytes.length
    return { kind: 'held', bytes }
  }
}

/**
 * Reads the head of a request: what can be forwarded at all, how large it is, and which policies must see it. From here on its waits
 * are watched.
 *
 * @throws GatewayError for a request that is not forwarded, whoever asks
 */
export function readRequest(exchange: OpenExchange, context: ProxyContext): IncomingRequest {
  const { method, fields, arrival } = exchange
  const { fault } = arrival.requestTarget
  if (NEVER_FORWARDED.includes(method)) {
    throw new GatewayError('method_not_allowed', `${method} is not forwarded`)
  }
  // Of a path that others read as another one, no rule can say anything.
  if (fault !== '') throw new GatewayError('bad_request', fault)
  if (context.draining) throw new GatewayError('shutting_down', 'gateway is shutting down')
  if (fields['via']?.includes(context.via)) {
    throw new GatewayError('loop_detected', 'request has already passed this gateway')
  }
  const length = readLength(exchange)
  const policies = choosePolicies(exchange, context.settings.inspection, redactionPorts(exchange, context))
  const incoming = new IncomingRequest(exchange, policies, length)
  if (incoming.hasContent && WITHOUT_CONTENT.includes(method)) {
    throw new GatewayError('bad_request', `a ${method} request with content is not supported`)
  }
  exchange.policies = policies
  if (arrival.upgrade) {
    for (const { webSocketRefusal } of policies) {
      if (webSocketRefusal !== undefined) throw new GatewayError('websocket_not_offered', webSocketRefusal)
    }
    attendClient(exchange)
  } else {
    // Listening for the client's leaving costs more than most exchanges last; a stream and a slow response need it.
    exchange.clock.lasting = () => attendClient(exchange)
  }
  context.deadlines.watch(exchange.clock)
  return incoming
}

/** The declared length of the content. @throws GatewayError when it is no number, or larger than it may be */
function readLength(exchange: OpenExchange): number | undefined {
  const declared = exchange.fields['content-length']
  const length = Number(declared ?? 0)
  // The server joins repeated fields, even equal ones (`3, 3`). That is no number, and the content would be left out.
  if (Number.isNaN(length)) throw new GatewayError('bad_request', 'a request has one Content-Length field')
  const most = exchange.limits.maxRequestBytes(exchange.target.upstream.name)
  if (most > 0) exchange.maxBodyBytes = Math.min(most, exchange.maxBodyBytes || most)
  const { maxBodyBytes } = exchange
  if (maxBodyBytes > 0 && length > maxBodyBytes) throw tooLarge(maxBodyBytes)
  return declared === undefined ? undefined : length
}

function tooLarge(maxBodyBytes: number): GatewayError {
  return new GatewayError('request_body_too_large', `request body exceeds ${maxBodyBytes} bytes`)
}

function redactionPorts(exchange: OpenExchange, context: ProxyContext): RedactionPorts | undefined {
  const { inspector } = context.settings
  if (!inspector?.redaction.scopes.guards) return undefined
  return {
    inspector,
    signal: exchange.abort.signal,
    warn: (message, fields) => context.log('WARN', message, { ...exchange.logFields, ...fields }),
    shownPath: () => exchange.shownPath(),
  }
}

/** Keeps the connection open, however quiet it is, and breaks the exchange off when the client leaves. */
function attendClient(exchange: OpenExchange): void {
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
  // A stream that nobody began to read is never told that it was given up.
  setTimeout(() => exchange.end('client_aborted'), NOTICE_MS).unref()
}
