/** What the serving end of a thread needs. */
export interface WorkerPorts<Reply> {
  /** The thread's program. */
  readonly url: string
  /** The thread sent a message. Messages of a thread that has died or was ended are dropped. */
  readonly replied: (reply: Reply) => void
  /** The thread died by itself. @param reason may hold content that it was working on */
  readonly died: (reason: string) => void
  /** It does not keep the process alive. */
  readonly unref?: true
}

/** The serving end of a thread: starts its program, posts to it and reports its death, once. After either end it can be started again. */
export class WorkerClient<Request, Reply> {
  readonly #ports: WorkerPorts<Reply>
  #worker: Worker | undefined

  constructor(ports: WorkerPorts<Reply>) {
    this.#ports = ports
  }

  /** Whether there is a thread. */
  get running(): boolean {
    return this.#worker !== undefined
  }

  /** Starts the thread. @param first its first message */
  start(first: Request): void {
    const { url, replied, died, unref } = this.#ports
    const worker = new Worker(url)
    this.#worker = worker
    worker.onmessage = ({ data }: MessageEvent<Reply>) => {
      if (this.#worker === worker) replied(data)
    }
    const end = (reason: string): void => {
      if (this.#worker !== worker) return
      this.end()
      died(reason)
    }
    worker.addEventListener('error', ({ message }) => end(message))
    worker.addEventListener('close', () => end('the thread ended'))
    if (unref) worker.unref()
    worker.postMessage(first)
  }

  /** @param transfer what the thread takes over @returns false when there is no thread */
  post(request: Request, transfer: ArrayBuffer[] = []): boolean {
    this.#worker?.postMessage(request, transfer)
    return this.running
  }

  /** Ends the thread at once. */
  end(): void {
    const worker = this.#worker
    this.#worker = undefined
    worker?.terminate()
  }
}
