import type { Recorder } from '../background/recorder.ts'
import type { LimitEngine } from '../limits/limit-engine.ts'
import type { Scrape } from '../telemetry/prometheus-text.ts'
import type { Service } from './service.ts'
import { VitalsMonitor } from './vitals-monitor.ts'

/** What the report is built from. */
export interface VitalsPorts {
  readonly recorder: Pick<Recorder, 'vitals' | 'scrape'>
  readonly engine: LimitEngine
  readonly openExchanges: () => number
  /** States of the configured targets, by name. */
  readonly targetStates: () => Readonly<Record<string, string>>
  /** Lines that could not be logged. */
  readonly logLinesDropped: () => number
}

/** Reports the state of the serving thread to the recorder: every half second, at the end, and before metrics are read. */
export class VitalsReport implements Service {
  readonly name = 'vitals'
  readonly #ports: VitalsPorts
  #monitor: VitalsMonitor | undefined

  constructor(ports: VitalsPorts) {
    this.#ports = ports
  }

  start(): void {
    this.#monitor = new VitalsMonitor(() => this.#report())
  }

  stop(): void {
    this.#monitor?.stop()
    this.#report()
  }

  /** Metrics for Prometheus; `undefined` when there are none. Not before `start`. */
  scrape(openMetrics: boolean): Promise<Scrape | undefined> {
    this.#report()
    return this.#ports.recorder.scrape(openMetrics)
  }

  #report(): void {
    const { recorder, engine, openExchanges, logLinesDropped, targetStates } = this.#ports
    const { admitted, refused, backendFailures, waited, warnings } = engine.totals()
    recorder.vitals({
      ...this.#monitor!.read(),
      openExchanges: openExchanges(),
      limitsAdmitted: admitted,
      limitsRefused: refused,
      limitsWaited: waited,
      limitBackendFailures: backendFailures,
      budgetWarnings: warnings,
      budgetsSpent: engine.spent(),
      targetStates: targetStates(),
      logLinesDropped: logLinesDropped(),
    })
  }
}
