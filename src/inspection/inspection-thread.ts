import type { RedactionSettings } from '../redaction/settings.ts'
import { WorkerClient } from '../threads/worker-client.ts'
import type { InspectionReply, InspectionRequest } from './inspection-worker.ts'
import type { InspectionResult, InspectionContent } from './judge-content.ts'

/** How often it is looked whether a thread hangs. A process that was paused finds one such time gone when it goes on, not all of them. */
const TICK_MS = 1000

interface Asked {
  readonly resolve: (answer: InspectionResult) => void
  readonly reject: (error: Error) => void
  readonly timer: ReturnType<typeof setInterval>
}

/** A thread that looks through one content at a time, so that one that kills it or hangs it takes no other with it. */
export class InspectionThread {
  readonly #thread: WorkerClient<InspectionRequest, InspectionReply>
  readonly #hungMs: number
  #asked: Asked | undefined

  /**
   * @param workerUrl the thread's program
   * @param budgetMs what the thread gives itself for an answer
   * @param hungMs after which it is given up, for it does not keep to that
   */
  constructor(workerUrl: string, settings: RedactionSettings, budgetMs: number, hungMs: number) {
    this.#hungMs = hungMs
    this.#thread = new WorkerClient({
      url: workerUrl,
      replied: (reply) => {
        const asked = this.#done()
        if ('answer' in reply) asked?.resolve(reply.answer)
        else asked?.reject(new Error(reply.error))
      },
      died: (reason) => this.#done()?.reject(new Error(reason)),
      unref: true,
    })
    this.#thread.start({ kind: 'configure', settings, budgetMs })
  }

  /** Whether it can be asked. */
  get alive(): boolean {
    return this.#thread.running
  }

  /** Asks a thread that is asked nothing. @throws Error when it dies, hangs or cannot tell in time */
  ask(question: InspectionContent): Promise<InspectionResult> {
    return new Promise((resolve, reject) => {
      let waitedMs = 0
      const timer = setInterval(() => {
        waitedMs += TICK_MS
        if (waitedMs >= this.#hungMs) this.end(`no answer within ${this.#hungMs} ms`)
      }, TICK_MS)
      this.#asked = { resolve, reject, timer }
      this.#thread.post({ kind: 'judge', question })
    })
  }

  /** Ends the thread; what it was asked fails. */
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
