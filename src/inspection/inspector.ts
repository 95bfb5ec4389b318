import { Redaction } from '../redaction/redaction.ts'
import type { RedactionSettings } from '../redaction/settings.ts'
import { OutOfTimeError, TimeBudget } from '../redaction/time-budget.ts'
import { FairQueue } from './fair-queue.ts'
import { InspectionThread } from './inspection-thread.ts'
import { judgeContent, type InspectionResult, type InspectionContent } from './judge-content.ts'

/** Content up to this size is inspected at once, if that takes no longer than this: a thread takes longer. */
const AT_ONCE_BYTES = 32 * 1024
const AT_ONCE_MS = 5

/** The bounds of inspection. */
export interface InspectionBounds {
  /** Most threads. One tenant gets one less, so that another's content need not wait for it. */
  readonly threads: number
  /** How long the inspection of one content may take, from its start. */
  readonly budgetMs: number
  /** When a thread that ignores its budget is ended. */
  readonly hungMs: number
  /** Waiting content of all tenants together, in bytes. */
  readonly maxWaitingBytes: number
}

const BOUNDS: InspectionBounds = {
  threads: 2,
  budgetMs: 10_000,
  hungMs: 15_000,
  maxWaitingBytes: 64 * 1024 * 1024,
}

interface Waiting {
  readonly content: InspectionContent
  readonly tenant: string
  readonly bytes: number
  readonly resolve: (result: Promise<InspectionResult>) => void
  readonly reject: (error: Error) => void
}

/**
 * Inspects content: small content at once, large or slow content on a few threads. The threads start when they are first needed. Tenants
 * take turns.
 */
export class Inspector {
  readonly redaction: Redaction
  readonly #workerUrl: string
  readonly #bounds: InspectionBounds
  readonly #queue = new FairQueue<Waiting>()
  readonly #idle: InspectionThread[] = []
  /** Threads that inspect something, with the tenant. */
  readonly #busy = new Map<InspectionThread, string>()
  #closed = false

  /** @param workerUrl the threads' program */
  constructor(settings: RedactionSettings, workerUrl: string, bounds = BOUNDS) {
    this.redaction = new Redaction(settings)
    this.#workerUrl = workerUrl
    this.#bounds = bounds
  }

  /**
   * Judges content by the policy.
   *
   * @param signal aborts when the result is no longer wanted: content that still waits is given up
   * @throws Error when it is not done in time, or too much waits
   */
  judge(content: InspectionContent, signal?: AbortSignal): InspectionResult | Promise<InspectionResult> {
    return this.#judgeAtOnce(content) ?? this.#judgeOnThread(content, signal)
  }

  /** Ends the threads. Waiting and running inspections fail. */
  close(): void {
    this.#closed = true
    const reason = 'the gateway is stopping'
    for (let next = this.#queue.takeFromLongest(); next; next = this.#queue.takeFromLongest()) {
      next.reject(new Error(reason))
    }
    for (const thread of [...this.#idle.splice(0), ...this.#busy.keys()]) thread.end(reason)
  }

  #judgeAtOnce(content: InspectionContent): InspectionResult | undefined {
    if (content.bytes.length > AT_ONCE_BYTES) return undefined
    try {
      return judgeContent(content, this.redaction, new TimeBudget(AT_ONCE_MS, () => performance.now()))
    } catch (error) {
      if (error instanceof OutOfTimeError) return undefined
      throw error
    }
  }

  async #judgeOnThread(
    content: InspectionContent,
    signal: AbortSignal | undefined,
  ): Promise<InspectionResult> {
    if (this.#closed) throw new Error('the gateway is stopping')
    const { organizationId, workspaceId, bytes } = content
    return new Promise((resolve, reject) => {
      const tenant = JSON.stringify([organizationId, workspaceId])
      const waiting = { content, tenant, bytes: bytes.length, resolve, reject }
      this.#queue.add(waiting)
      this.#assign()
      const most = Math.max(this.#bounds.maxWaitingBytes, this.redaction.settings.maxInspectBytes)
      while (this.#queue.bytes > most) {
        this.#queue.takeFromLongest()!.reject(new Error('too much content waits to be looked through'))
      }
      signal?.addEventListener('abort', () => {
        if (this.#queue.remove(waiting)) reject(new Error('the exchange was broken off'))
      })
    })
  }

  /** Assigns waiting content to free threads. */
  #assign(): void {
    const { threads } = this.#bounds
    const mayHaveTurn = (tenant: string): boolean =>
      [...this.#busy.values()].filter((one) => one === tenant).length < Math.max(1, threads - 1)
    while (this.#busy.size < threads) {
      const next = this.#queue.take(mayHaveTurn)
      if (!next) return
      const thread = this.#free()
      this.#busy.set(thread, next.tenant)
      const result = thread.judge(next.content).finally(() => {
        this.#busy.delete(thread)
        if (thread.alive) this.#idle.push(thread)
        this.#assign()
      })
      next.resolve(result)
    }
  }

  #free(): InspectionThread {
    for (let idle = this.#idle.pop(); idle; idle = this.#idle.pop()) if (idle.alive) return idle
    const { budgetMs, hungMs } = this.#bounds
    return new InspectionThread(this.#workerUrl, this.redaction.settings, budgetMs, hungMs)
  }
}
