import { WorkerClient } from '../threads/worker-client.ts'
import type { Encoding } from '../usage/estimate.ts'
import type { ContentReading } from '../traces/content-reading.ts'
import type { Exchange } from '../traces/exchange.ts'
import type { Trace } from '../traces/trace.ts'
import type { BuilderReply, BuilderRequest } from './builder-worker.ts'
import type { BuilderSettings } from './trace-builder.ts'

/** How long one trace may take; then the thread is started again and the trace goes without. */
const TIMEOUT_MS = 15_000

/**
 * A trace that has waited for so long is not counted, but estimated by the length of its text, so that the thread catches up. The wait for a
 * vocabulary to be loaded is not part of it: a thread that starts is not behind.
 */
const BEHIND_MS = 5000

/** A thread without work is ended after this time: its vocabularies are tens of megabytes. */
const IDLE_MS = 30_000

interface Work {
  readonly exchange: Exchange
  readonly content: ContentReading
  readonly encoding: Encoding | undefined
  readonly queuedAt: number
  readonly resolve: (trace: Trace) => void
  readonly reject: (error: Error) => void
}

/**
 * Builds traces on a thread of its own, one after another, in order. The thread starts with a trace, and ends when none has come for a while.
 * A trace that takes too long, or that kills the thread, fails alone.
 */
export class BuilderThread {
  readonly #thread: WorkerClient<BuilderRequest, BuilderReply>
  readonly #timeoutMs: number
  readonly #behindMs: number
  readonly #idleMs: number
  /** Vocabularies that the thread has used, so that it has them loaded; `undefined` once it has built a trace without one. */
  readonly #used = new Set<Encoding | undefined>()
  /** When it had built a trace with the newest of them. */
  #readyAt = 0
  #settings: BuilderSettings
  readonly #queue: Work[] = []
  #current: Work | undefined
  /** Until the trace has taken too long; without one, until the thread has been idle too long. */
  #timer: ReturnType<typeof setTimeout> | undefined

  /** @param workerUrl the thread's program */
  constructor(
    settings: BuilderSettings,
    workerUrl: string,
    {
      timeoutMs = TIMEOUT_MS,
      behindMs = BEHIND_MS,
      idleMs = IDLE_MS,
    }: { timeoutMs?: number; behindMs?: number; idleMs?: number } = {},
  ) {
    this.#settings = settings
    this.#thread = new WorkerClient({
      url: workerUrl,
      replied: (reply) => this.#take(reply),
      // What it died of may hold content.
      died: () => this.#fail('the thread died'),
    })
    this.#timeoutMs = timeoutMs
    this.#behindMs = behindMs
    this.#idleMs = idleMs
  }

  configure(settings: BuilderSettings): void {
    this.#settings = settings
    this.#thread.post({ kind: 'configure', settings })
  }

  /**
   * Builds a trace. Rejects when that takes too long, or fails; the reason holds no content.
   *
   * @param encoding the vocabulary to count with; `undefined` when there is nothing to count
   */
  build(exchange: Exchange, content: ContentReading, encoding: Encoding | undefined): Promise<Trace> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ exchange, content, encoding, queuedAt: performance.now(), resolve, reject })
      this.#next()
    })
  }

  /** Ends the thread. Unfinished traces are rejected. */
  close(): void {
    const waiting = [...(this.#current ? [this.#current] : []), ...this.#queue.splice(0)]
    this.#current = undefined
    clearTimeout(this.#timer)
    this.#thread.end()
    for (const { reject } of waiting) reject(new Error('the gateway stopped'))
  }

  #next(): void {
    if (this.#current) return
    const next = this.#queue.shift()
    if (!next) {
      this.#timer = setTimeout(() => this.#thread.end(), this.#idleMs)
      return
    }
    clearTimeout(this.#timer)
    const behind = performance.now() - Math.max(next.queuedAt, this.#readyAt) > this.#behindMs
    const work = (this.#current = behind ? { ...next, encoding: undefined } : next)
    if (!this.#thread.running) {
      this.#used.clear()
      this.#thread.start({ kind: 'configure', settings: this.#settings })
    }
    this.#timer = setTimeout(() => {
      this.#thread.end()
      this.#fail('it took too long')
    }, this.#timeoutMs)
    const { exchange, content, encoding } = work
    const { api: _, response, ...rest } = content
    const { length, text } = response.output
    this.#thread.post({
      kind: 'build',
      exchange,
      // A text sample crosses as data, without its methods.
      content: { ...rest, response: { ...response, output: { length, text } as typeof response.output } },
      encoding,
    })
  }

  #take(reply: BuilderReply): void {
    const work = this.#done()
    if (work && !this.#used.has(work.encoding)) {
      this.#used.add(work.encoding)
      this.#readyAt = performance.now()
    }
    if ('trace' in reply) work?.resolve(reply.trace)
    else work?.reject(new Error(reply.error))
    this.#next()
  }

  #done(): Work | undefined {
    clearTimeout(this.#timer)
    const work = this.#current
    this.#current = undefined
    return work
  }

  /** Gives up the current trace of the thread. The next trace starts another thread. */
  #fail(reason: string): void {
    this.#done()?.reject(new Error(reason))
    this.#next()
  }
}
