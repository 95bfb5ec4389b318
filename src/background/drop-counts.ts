import type { DropLabels } from '../telemetry/vitals.ts'
import type { Exchange } from '../traces/exchange.ts'

/** Labels with a count of their own. Drops with other labels are only in the total. */
const MAX_LABELS = 100

/** How many records were dropped because the queue was full, by their labels. */
export class DropCounts {
  readonly #byLabels = new Map<string, [labels: DropLabels, count: number]>()

  /** Counts a record that was dropped. */
  add({ wire, caller, route, status }: Exchange): void {
    const { organizationId, workspaceId } = caller
    const labels = {
      provider: wire.provider,
      org_id: organizationId,
      workspace_id: workspaceId,
      route,
      status_code: status,
    }
    const name = JSON.stringify(labels)
    const known = this.#byLabels.get(name)
    if (known) known[1] += 1
    else if (this.#byLabels.size < MAX_LABELS) this.#byLabels.set(name, [labels, 1])
  }

  /** Counts since the process began. */
  list(): readonly (readonly [DropLabels, number])[] {
    return [...this.#byLabels.values()]
  }
}
