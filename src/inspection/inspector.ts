import { Redaction } from '../redaction/redaction.ts'
import type { RedactionSettings } from '../redaction/settings.ts'
import { OutOfTimeError, TimeBudget } from '../redaction/time-budget.ts'
import { FairQueue } from './fair-queue.ts'
import { InspectionThread } from './inspection-thread.ts'
import { judgeContent, type InspectionResult, type InspectionContent } from './judge-content.ts'

/** Content up to this size is looked through at once, as long as that takes no longer than this: asking a thread takes longer. */
const AT_ONCE_BYTES = 32 * 1024
const AT_ONCE_MS = 5

/** What looking through content may take and hold. */
export interface InspectionBounds {
  /** Threads at most; one tenant has one less, so that another's content need not wait for it. */
  readonly threads: number
  /** How long looking through one content may take, from its start. */
  readonly budgetMs: number
  /** After which a thread that keeps to no budget is given up. */
  readonly hungMs: number
  /** Content that waits, of all tenants together, in bytes. */
  readonly maxWaitingBytes: number
}

const BOUNDS: InspectionBounds = {
  threads: 2,
  budgetMs: 10_000,
  hungMs: 15_000,
  maxWaitingBytes: 64 * 1024 * 1024,
}

interface Waiting {
  readonly question: InspectionContent
  readonly tenant: string
  readonly bytes: number
  readonly resolve: (answer: Promise<InspectionResult>) => void
  readonly reject: (error: Error) => void
}

/**
 * Looks through content: what is small at once, what is large or takes long on a few threads, which are started when they are first
 * needed. Tenants take turns.
 */
export class Inspector {
  readonly redaction: Redaction
  readonly #workerUrl: string
  readonly #bounds: InspectionBounds
  readonly #queue = new FairQueue<Waiting>()
  readonly #idle: InspectionThread[] = []
  /** Threads that are asked something, and for whom. */
  readonly #busy = new Map<InspectionThread, string>()
  #closed = false

  /** @param workerUrl the threads' program */
  constructor(settings: RedactionSettings, workerUrl: string, bounds = BOUNDS) {
    this.redaction = new Redaction(settings)
    this.#workerUrl = workerUrl
    this.#bounds = bounds
  }

  /**
   * What the policy says of content.
   *
   * @param signal the answer is no longer wanted: a question that still waits is given up
   * @throws Error when that cannot be told in time, or too much waits
   */
  judge(question: InspectionContent, signal?: AbortSignal): InspectionResult | Promise<InspectionResult> {
    return this.#judgeAtOnce(question) ?? this.#judgeOnThread(question, signal)
  }

  /** Ends the threads; what was asked fails. */
  close(): void {
    this.#closed = true
    const reason = 'the gateway is stopping'
    for (let next = this.#queue.takeFromLongest(); next; next = this.#queue.takeFromLongest()) {
      next.reject(new Error(reason))
    }
    for (const thread of [...this.#idle.splice(0), ...this.#busy.keys()]) thread.end(reason)
  }

  #judgeAtOnce(question: InspectionContent): InspectionResult | undefined {
    if (question.bytes.length > AT_ONCE_BYTES) return undefined
    try {
      return judgeContent(question, this.redaction, new TimeBudget(AT_ONCE_MS, () => performance.now()))
    } catch (error) {
      if (error instanceof OutOfTimeError) return undefined
      throw error
    }
  }

  async #judgeOnThread(
    question: InspectionContent,
    signal: AbortSignal | undefined,
  ): Promise<InspectionResult> {
    if (this.#closed) throw new Error('the gateway is stopping')
    const { organizationId, workspaceId, bytes } = question
    return new Promise((resolve, reject) => {
      const tenant = JSON.stringify([organizationId, workspaceId])
      const waiting = { question, tenant, bytes: bytes.length, resolve, reject }
      this.#queue.add(waiting)
      this.#ask()
      const most = Math.max(this.#bounds.maxWaitingBytes, this.redaction.settings.maxInspectBytes)
      while (this.#queue.bytes > most) {
        this.#queue.takeFromLongest()!.reject(new Error('too much content waits to be looked through'))
      }
      signal?.addEventListener('abort', () => {
        if (this.#queue.remove(waiting)) reject(new Error('the exchange was broken off'))
      })
    })
  }

  /** Gives threads that are free what waits. */
  #ask(): void {
    const { threads } = this.#bounds
    const mayHaveTurn = (tenant: string): boolean =>
      [...this.#busy.values()].filter((one) => one === tenant).length < Math.max(1, threads - 1)
    while (this.#busy.size < threads) {
      const next = this.#queue.take(mayHaveTurn)
      if (!next) return
      const thread = this.#free()
      this.#busy.set(thread, next.tenant)
      const answer = thread.ask(next.question).finally(() => {
        this.#busy.delete(thread)
        if (thread.alive) this.#idle.push(thread)
        this.#ask()
      })
      next.resolve(answer)
    }
  }

  #free(): InspectionThread {
    for (let idle = this.#idle.pop(); idle; idle = this.#idle.pop()) if (idle.alive) return idle
    const { budgetMs, hungMs } = this.#bounds
    return new InspectionThread(this.#workerUrl, this.redaction.settings, budgetMs, hungMs)
  }
}
