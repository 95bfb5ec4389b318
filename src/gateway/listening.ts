import type { Server } from 'bun'
import type { MetricsEndpoint } from '../api/serve-metrics.ts'
import type { Config } from '../config/config.ts'
import { ListenError } from '../http/listen-error.ts'
import type { ProxyContext } from '../proxy/proxy-context.ts'
import { LATE_MS } from '../time/patient-timer.ts'
import { mainListener, metricsListener, type ListenAddress } from './listeners.ts'
import { startMetricsServer, startServer, type ServerContext } from './server.ts'
import type { Service } from './service.ts'

/** How long cut exchanges may take to be published. */
const CUT_MS = 2000

/** How often a stopping gateway looks whether all is done. */
const SETTLE_MS = 10

/** The listeners of a gateway, from the first connection to the last exchange. */
export class Listening implements Service {
  readonly name = 'listeners'
  readonly #config: Config
  readonly #context: ServerContext
  readonly #endpoint: MetricsEndpoint | undefined
  #main: ReturnType<typeof startServer> | undefined
  #metrics: Server<undefined> | undefined

  /** @param endpoint where metrics are served, on the main listener or one of its own; `undefined` for nowhere */
  constructor(config: Config, context: ServerContext, endpoint: MetricsEndpoint | undefined) {
    this.#config = config
    this.#context = context
    this.#endpoint = endpoint
  }

  /** `http://host:port` as it is reached from this machine. Not before `start`. */
  get url(): string {
    return this.#main!.url.href.replace(/\/$/, '')
  }

  /** @throws ListenError when an address cannot be listened on */
  start(): void {
    const { server, prometheus } = this.#config
    const metricsAddress = metricsListener(this.#config)
    const endpoint = this.#endpoint
    if (endpoint && metricsAddress)
      this.#metrics = listen(metricsAddress, () =>
        startMetricsServer(prometheus.adminAddress, endpoint, this.#context),
      )
    try {
      this.#main = listen(mainListener(this.#config), () =>
        startServer(server.host, server.port, this.#context),
      )
    } catch (error) {
      void this.#metrics?.stop()
      throw error
    }
  }

  /** Takes no new exchange; live ones may finish until the time-out, then they are cut and recorded. */
  async drain(timeoutMs: number): Promise<void> {
    const { proxy } = this.#context
    proxy.draining = true
    void this.#main?.stop()
    void this.#metrics?.stop()
    await settle(proxy, timeoutMs)
    for (const exchange of proxy.open) exchange.breakOff('shutting_down')
    await settle(proxy, CUT_MS)
    for (const exchange of proxy.open) exchange.end('upstream_failed', 'shutting_down')
  }

  /** Closes all connections. */
  stop(): void {
    void this.#main?.stop(true)
  }
}

function listen<T>(address: ListenAddress, begin: () => T): T {
  try {
    return begin()
  } catch (error) {
    throw new ListenError(address, error)
  }
}

/** Waits until no exchange is open, or for so long. The time in which the process was paused does not count. */
async function settle({ open }: Pick<ProxyContext, 'open'>, timeoutMs: number): Promise<void> {
  let waitedMs = 0
  while (open.size > 0 && waitedMs < timeoutMs) {
    const since = performance.now()
    await Bun.sleep(SETTLE_MS)
    waitedMs += Math.min(performance.now() - since, SETTLE_MS + LATE_MS)
  }
}
