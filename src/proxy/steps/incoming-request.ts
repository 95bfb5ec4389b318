import { GatewayError } from '../../errors.ts'
import { broken } from '../exchange/broken.ts'
import { BUFFERED_BYTES } from '../exchange/buffered-bytes.ts'
import type { OpenExchange } from '../exchange/open-exchange.ts'
import type { RequestBody } from '../exchange/request-body.ts'
import { MAX_INSPECTED_BYTES, type ContentPolicy } from '../policies/content-policy.ts'

/** Most bytes of content that are held to see its model. The largest that providers take are files for transcription, and images. */
const MAX_ROUTED_BYTES = 64 * 1024 * 1024

/** A request whose head has been read. Its content is read when it is first needed, once. */
export class IncomingRequest {
  readonly #request: Request
  readonly #exchange: OpenExchange
  #policies: readonly ContentPolicy[] = []
  #held: RequestBody | undefined
  readonly hasContent: boolean
  /** Of the content, as declared; 0 for none, -1 when it is not known. */
  readonly length: number

  constructor(exchange: OpenExchange, length: number | undefined) {
    this.#request = exchange.arrival.request
    this.#exchange = exchange
    this.hasContent = (length ?? 0) > 0 || exchange.fields['transfer-encoding'] !== undefined
    this.length = this.hasContent ? (length ?? -1) : 0
  }

  /** In the order in which requests pass them. */
  get policies(): readonly ContentPolicy[] {
    return this.#policies
  }

  /** @throws GatewayError when one of them lets nothing pass unseen, and the content was already too large to be held */
  set policies(policies: readonly ContentPolicy[]) {
    this.#policies = policies
    if (this.#held && this.#held.kind !== 'held') for (const { request } of policies) request?.unseen()
  }

  /**
   * Holds the content, so that rules, limits and policies can see it. If it is too large to hold, only its beginning is.
   *
   * @throws GatewayError when it is too large, cannot be read, or a policy lets nothing pass unseen
   */
  async hold(): Promise<RequestBody> {
    if (this.#held) return this.#held
    const body = this.#isSmall ? await this.#readWhole() : await this.#readUpTo(this.#mostHeld)
    return (this.#held = this.#checked(body))
  }

  /** The content when no policy must see it: held content, small content as a whole, everything else as it comes. */
  pass(): RequestBody | Promise<RequestBody> {
    if (this.#held) return this.#held
    return this.#isSmall ? this.#readWhole() : { kind: 'streamed', chunks: this.#request.body! }
  }

  get #isSmall(): boolean {
    return this.length > 0 && this.length <= BUFFERED_BYTES
  }

  #checked(body: RequestBody): RequestBody {
    if (body.kind === 'held') {
      const { maxBodyBytes } = this.#exchange
      if (maxBodyBytes > 0 && body.bytes.length > maxBodyBytes) throw requestTooLarge(maxBodyBytes)
    } else for (const { request } of this.policies) request?.unseen()
    return body
  }

  get #mostHeld(): number {
    let most = this.#exchange.arrival.modelRoute ? MAX_ROUTED_BYTES : MAX_INSPECTED_BYTES
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

/** The refusal of content above `server.max_body_bytes` or a limit. */
export function requestTooLarge(maxBodyBytes: number): GatewayError {
  return new GatewayError('request_body_too_large', `request body exceeds ${maxBodyBytes} bytes`)
}
