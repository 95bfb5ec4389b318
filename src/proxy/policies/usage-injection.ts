import type { ExchangeFacts } from '../exchange/exchange-facts.ts'
import {
  MAX_INSPECTED_BYTES,
  type ContentPolicy,
  type RequestNeed,
  type ResponseHead,
  type ResponseNeed,
} from './content-policy.ts'
import { askForUsage, UsageEventFilter } from './stream-usage.ts'

/** Makes Chat Completions streams report their usage, and removes the event that reports it. */
export class UsageInjection implements ContentPolicy {
  readonly notes = { injected: false }
  readonly request: RequestNeed = {
    needs: 'beginning',
    maxBytes: MAX_INSPECTED_BYTES,
    apply: (content) => {
      const asking = askForUsage(content)
      this.notes.injected = asking !== undefined
      return asking ?? content
    },
    unseen: () => {},
  }

  get response(): ResponseNeed | undefined {
    return this.notes.injected ? TAKES_USAGE_OUT : undefined
  }
}

const TAKES_USAGE_OUT: ResponseNeed = {
  needs: 'beginning',
  follow: (head, framing) =>
    (framing ? framing === 'sse' : mayStream(head)) ? [new UsageEventFilter()] : [],
}

/** A stream that is compressed in spite of the request passes unchanged. A response with a length is hardly a stream, and must keep it. */
function mayStream({ facts, fields }: ResponseHead): boolean {
  if (facts.codings !== '') return false
  return facts.mediaType === 'text/event-stream' || fields['content-length'] === undefined
}

/**
 * Whether the request is a Chat Completion whose content can be read without decoding. Content that is not JSON wants no stream,
 * whatever its type.
 */
export function mayInject({ wire, requestFacts }: ExchangeFacts): boolean {
  return (
    wire.api === 'chat_completions' && (requestFacts.codings === '' || requestFacts.codings === 'identity')
  )
}
