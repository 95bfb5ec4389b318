import { Redaction } from '../redaction/redaction.ts'
import type { RedactionSettings } from '../redaction/settings.ts'
import type { InspectionReply, InspectionRequest } from './inspection-worker.ts'
import { judgeContent, type ContentAnswer, type ContentQuestion } from './judge-content.ts'

/** Content up to this size is looked through at once: asking a thread takes longer. */
const AT_ONCE_BYTES = 32 * 1024

/** How long looking through content may take. */
const TIMEOUT_MS = 10_000

interface Waiting {
  readonly resolve: (answer: ContentAnswer) => void
  readonly reject: (error: Error) => void
  readonly timer: ReturnType<typeof setTimeout>
}

/** Looks through content: what is small at once, what is large on a thread of its own, which is started when it is first needed. */
export class Inspector {
  readonly redaction: Redaction
  readonly #workerUrl: string
  #worker: Worker | undefined
  #nextId = 1
  readonly #waiting = new Map<number, Waiting>()

  /** @param workerUrl the thread's program */
  constructor(settings: RedactionSettings, workerUrl: string) {
    this.redaction = new Redaction(settings)
    this.#workerUrl = workerUrl
  }

  /** What the policy says of content. @throws Error when that cannot be told in time */
  judge(question: ContentQuestion): ContentAnswer | Promise<ContentAnswer> {
    if (question.bytes.length <= AT_ONCE_BYTES) return judgeContent(question, this.redaction)
    const worker = (this.#worker ??= this.#start())
    const id = this.#nextId++
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#fail(worker, `no answer within ${TIMEOUT_MS} ms`), TIMEOUT_MS)
      this.#waiting.set(id, { resolve, reject, timer })
      worker.postMessage({ kind: 'judge', id, question } satisfies InspectionRequest)
    })
  }

  /** Ends the thread; what it was asked fails. */
  close(): void {
    if (this.#worker) this.#fail(this.#worker, 'the gateway is stopping')
  }

  #start(): Worker {
    const worker = new Worker(this.#workerUrl)
    worker.onmessage = ({ data: reply }: MessageEvent<InspectionReply>) => {
      const waiting = this.#waiting.get(reply.id)
      if (!waiting) return
      this.#waiting.delete(reply.id)
      clearTimeout(waiting.timer)
      if ('answer' in reply) waiting.resolve(reply.answer)
      else waiting.reject(new Error(reply.error))
    }
    worker.addEventListener('error', (event) => this.#fail(worker, event.message))
    worker.addEventListener('close', () => this.#fail(worker, 'the thread ended'))
    worker.unref()
    worker.postMessage({ kind: 'configure', settings: this.redaction.settings } satisfies InspectionRequest)
    return worker
  }

  /** A thread that died or hangs is given up with all that it was asked; the next question starts another. */
  #fail(worker: Worker, reason: string): void {
    if (this.#worker !== worker) return
    this.#worker = undefined
    worker.terminate()
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer)
      reject(new Error(reason))
    }
    this.#waiting.clear()
  }
}
