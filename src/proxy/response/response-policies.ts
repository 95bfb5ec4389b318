import type { GatewayError } from '../../errors.ts'
import type { Framing } from '../../wire/framing/event-pieces.ts'
import {
  type ContentPolicy,
  MAX_INSPECTED_BYTES,
  type ResponseHead,
  type ResponseNeed,
  type StreamFilter,
} from '../policies/content-policy.ts'

/** What the policies of an exchange need of its response, in the order in which it passes them. */
export class ResponsePolicies {
  readonly #needs: readonly ResponseNeed[]
  /** A response must be seen whole, unless it is a stream. */
  readonly seeAll: boolean

  constructor(policies: readonly ContentPolicy[]) {
    this.#needs = policies.flatMap(({ response }) => response ?? []).reverse()
    this.seeAll = this.#needs.some(({ needs }) => needs === 'all')
  }

  /** Most bytes of a response that are held. */
  get maxBytes(): number {
    return this.#whoSeeAll().reduce((least, { maxBytes }) => Math.min(least, maxBytes), MAX_INSPECTED_BYTES)
  }

  /** What cannot be seen may pass. */
  get passUnseen(): boolean {
    return this.#whoSeeAll().every(({ passesUnseen }) => passesUnseen)
  }

  /** A response passes that cannot be seen. @throws GatewayError unless such may pass */
  unseen(reason: string): void {
    for (const policy of this.#whoSeeAll()) policy.unseen(reason)
  }

  /** What a stream passes through. @param framing `undefined` when only the head is known */
  filters(head: ResponseHead, framing: Framing | undefined): readonly StreamFilter[] {
    return this.#needs.flatMap((policy) => policy.follow(head, framing))
  }

  /** A complete response, judged. @returns the same object when nothing of it is changed. @throws GatewayError when it is refused */
  async apply(content: Uint8Array, head: ResponseHead): Promise<Uint8Array> {
    let judged = content
    for (const policy of this.#whoSeeAll()) judged = await policy.apply(judged, head)
    return judged
  }

  /** The stream has ended. @param refusal that ended it, if one did */
  streamEnded(refusal?: GatewayError): void {
    for (const policy of this.#whoSeeAll()) policy.streamEnded(refusal)
  }

  #whoSeeAll(): readonly Extract<ResponseNeed, { readonly needs: 'all' }>[] {
    return this.#needs.filter((policy) => policy.needs === 'all')
  }
}

const NONE = new ResponsePolicies([])

/** What the policies of an exchange need of its response, now that its request has passed them. */
export function responsePolicies(policies: readonly ContentPolicy[]): ResponsePolicies {
  return policies.length === 0 ? NONE : new ResponsePolicies(policies)
}
