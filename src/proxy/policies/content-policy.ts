import type { GatewayError } from '../../errors.ts'
import type { ContentFacts } from '../../traces/exchange.ts'
import type { Framing } from '../../wire/framing/event-pieces.ts'
import type { PolicyNotes } from '../exchange/policy-notes.ts'

/** Most bytes of content that are held so that a policy can see them. */
export const MAX_INSPECTED_BYTES = 16 * 1024 * 1024

/**
 * What looks at, changes or refuses the content of one exchange. It gets facts and bytes, never the exchange itself. A side of which it
 * needs nothing is absent; when no policy has that side, its live stream passes untouched.
 */
export interface ContentPolicy {
  /** What it did, for the record. */
  readonly notes: PolicyNotes
  /** Why a WebSocket, whose messages pass as they come, cannot be offered; absent where it can. */
  readonly webSocketRefusal?: string
  /**
   * Judges the request by its target, before its content.
   *
   * @param hasContent content will follow, as far as the policy needs it
   * @throws GatewayError when the policy refuses it
   */
  readonly judgeTarget?: (hasContent: boolean) => void
  readonly request?: RequestNeed
  /** Known once the request has been applied. */
  readonly response: ResponseNeed | undefined
}

/** What a policy needs of the request's content, and does with it. */
export interface RequestNeed {
  /** `beginning`: content that is larger than can be held may pass unseen. `all`: nothing passes unseen. */
  readonly needs: 'beginning' | 'all'
  /** Most bytes that it looks at. */
  readonly maxBytes: number
  /**
   * Judges complete content.
   *
   * @returns the content to send; the same object when it is unchanged
   * @throws GatewayError when the policy refuses it
   */
  apply(content: Uint8Array): Uint8Array | Promise<Uint8Array>
  /** The content is larger than can be held. @throws GatewayError unless it may pass unseen */
  unseen(): void
}

/** `beginning`: it follows a stream as its head says. `all`: it sees a response whole, or every event of a stream. */
export type ResponseNeed = FollowsStream | SeesAll

interface FollowsStream {
  readonly needs: 'beginning'
  /**
   * What a stream passes through on its way to the client.
   *
   * @param framing `undefined` when only the head is known
   */
  follow(head: ResponseHead, framing: Framing | undefined): readonly StreamFilter[]
}

interface SeesAll extends Omit<FollowsStream, 'needs'> {
  readonly needs: 'all'
  readonly maxBytes: number
  /** What cannot be seen may pass. */
  readonly passesUnseen: boolean
  /** A response passes that cannot be seen. @throws GatewayError with the reason, unless such may pass */
  unseen(reason: string): void
  /**
   * Judges a complete response.
   *
   * @param content as it came, content coding included
   * @returns the content to pass on, without content coding; the same object when it is unchanged
   * @throws GatewayError when the policy refuses it
   */
  apply(content: Uint8Array, head: ResponseHead): Promise<Uint8Array>
  /** The stream that it followed has ended. @param refusal that ended it, if one did */
  streamEnded(refusal: GatewayError | undefined): void
}

/** A response before its content. */
export interface ResponseHead {
  readonly status: number
  /** Lower-case names. */
  readonly fields: Readonly<Record<string, string | readonly string[]>>
  readonly facts: ContentFacts
}

/** What bytes of a stream pass through on their way to the client. */
export interface StreamFilter {
  /** @returns what may pass now; possibly nothing */
  write(chunk: Uint8Array): Uint8Array
  /** The stream has ended. @returns what was held back */
  end(): Uint8Array | Promise<Uint8Array>
  /** Why the stream must end, once it must; nothing passes after that. */
  readonly refusal?: GatewayError | undefined
}
