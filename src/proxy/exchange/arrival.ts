import type { ClientAddresses } from '../../http/client-address.ts'
import type { RequestTarget } from '../../http/request-target.ts'
import type { Target } from '../upstream/upstream.ts'

/** A request for a provider, as the listener hands it over. */
export interface Arrival {
  readonly request: Request
  readonly requestTarget: RequestTarget
  /** Where the route table sends it. */
  readonly target: Target
  readonly addresses: ClientAddresses
  /** Sets after how many silent seconds the listener closes the client's connection; 0 for never. */
  readonly closeAfter: (seconds: number) => void
  /** The client wants a WebSocket. */
  readonly upgrade: boolean
}
