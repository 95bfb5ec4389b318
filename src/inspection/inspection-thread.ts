import type { RedactionSettings } from '../redaction/settings.ts'
import { WorkerClient } from '../threads/worker-client.ts'
import type { InspectionReply, InspectionRequest } from './inspection-worker.ts'
import type { InspectionResult, InspectionContent } from './judge-content.ts'

/** How often a hanging thread is checked for. A process that was paused counts one such time when it continues, not all of them. */
const TICK_MS = 1000

interface Asked {
  readonly resolve: (result: InspectionResult) => void
  readonly reject: (error: Error) => void
  readonly timer: ReturnType<typeof setInterval>
}

/** A thread that inspects one content at a time, so that content that kills or hangs it takes no other with it. */
export class InspectionThread {
  readonly #thread: WorkerClient<InspectionRequest, InspectionReply>
  readonly #hungMs: number
  #asked: Asked | undefined

  /**
   * @param workerUrl the thread's program
   * @param budgetMs the thread's own limit for one result
   * @param hungMs when it is ended, because it ignores that limit
   */
  constructor(workerUrl: string, settings: RedactionSettings, budgetMs: number, hungMs: number) {
    this.#hungMs = hungMs
    this.#thread = new WorkerClient({
      url: workerUrl,
      replied: (reply) => {
        const asked = this.#done()
        if ('result' in reply) asked?.resolve(reply.result)
        else asked?.reject(new Error(reply.error))
      },
      died: (reason) => this.#done()?.reject(new Error(reason)),
      unref: true,
    })
    this.#thread.start({ kind: 'configure', settings, budgetMs })
  }

  /** Whether the thread runs. */
  get alive(): boolean {
    return this.#thread.running
  }

  /** Inspects on an idle thread. @throws Error when it dies, hangs or is not done in time */
  judge(content: InspectionContent): Promise<InspectionResult> {
    return new Promise((resolve, reject) => {
      let waitedMs = 0
      const timer = setInterval(() => {
        waitedMs += TICK_MS
        if (waitedMs >= this.#hungMs) this.end(`no answer within ${this.#hungMs} ms`)
      }, TICK_MS)
      this.#asked = { resolve, reject, timer }
      this.#thread.post({ kind: 'judge', content })
    })
  }

  /** Ends the thread. Its running inspection fails. */
  end(reason: string): void {
    this.#thread.end()
    this.#done()?.reject(new Error(reason))
  }

  #done(): Asked | undefined {
    const asked = this.#asked
    this.#asked = undefined
    clearInterval(asked?.timer)
    return asked
  }
}
