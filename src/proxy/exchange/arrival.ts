import type { ClientAddresses } from '../../http/client-address.ts'
import type { RequestTarget } from '../../http/request-target.ts'
import type { ModelRoute } from '../../providers/model-routes.ts'
import type { Target } from '../upstream/upstream.ts'

/** A request for a provider, as the listener hands it over. */
export interface Arrival {
  readonly request: Request
  readonly requestTarget: RequestTarget
  /** Where the route table sends it; on a model route without a provider yet. */
  readonly target: Target
  /** The model route it came by; `undefined` below a provider's prefix. */
  readonly modelRoute: ModelRoute | undefined
  readonly addresses: ClientAddresses
  /** Sets after how many silent seconds the listener closes the client's connection; 0 for never. */
  readonly closeAfter: (seconds: number) => void
  /** The client wants a WebSocket. */
  readonly upgrade: boolean
}
