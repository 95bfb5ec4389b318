/** A part of the gateway with a lifetime. */
export interface Service {
  readonly name: string
  /** @throws when the part cannot be started; it leaves nothing behind then */
  start?(): void | Promise<void>
  /** Never throws. */
  stop?(): void | Promise<void>
}

/** Services that are started in their order and stopped in the reverse order. */
export class Services {
  readonly #services: readonly Service[]
  readonly #started: Service[] = []
  #stopping: Promise<void> | undefined

  constructor(services: readonly Service[]) {
    this.#services = services
  }

  /** Whether `stop` has been called. */
  get stopping(): boolean {
    return this.#stopping !== undefined
  }

  /** @throws what a service throws that cannot be started; those before it have been stopped then */
  async start(): Promise<void> {
    for (const service of this.#services) {
      try {
        await service.start?.()
      } catch (error) {
        await this.stop()
        throw error
      }
      this.#started.push(service)
    }
  }

  /** Stops what has been started. A second call waits for the first. */
  stop(): Promise<void> {
    return (this.#stopping ??= this.#stop())
  }

  async #stop(): Promise<void> {
    for (let service = this.#started.pop(); service; service = this.#started.pop()) await service.stop?.()
  }
}
