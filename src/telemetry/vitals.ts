/** Figures of the serving thread, for metrics. Sums are since the process began. */
export interface Vitals {
  readonly openExchanges: number
  readonly accepted: number
  /** Exchanges whose record was dropped because the queue was full, by their labels; few distinct ones. */
  readonly dropped: readonly (readonly [labels: DropLabels, count: number])[]
  readonly queueDepth: number
  readonly queueBytes: number
  readonly queueMaxBytes: number
  readonly recorderRestarts: number
  readonly logLinesDropped: number
  readonly limitsRefused: Readonly<Record<string, number>>
  readonly limitsAdmitted: number
  readonly limitsWaited: number
  readonly limitBackendFailures: number
  readonly budgetWarnings: number
  /** Of each policy's budgets, the largest share that is spent. */
  readonly budgetsSpent: Readonly<Record<string, number>>
  /** States of the configured targets, by name. */
  readonly targetStates: Readonly<Record<string, string>>
  /** Of the serving thread, seconds: how late a timer was at worst since the last report. */
  readonly eventLoopDelay: number
  readonly rssBytes: number
  readonly heapBytes: number
  /** Seconds of processor time. */
  readonly cpuUser: number
  readonly cpuSystem: number
  readonly uptime: number
}

/** Labels of a dropped record. */
export interface DropLabels {
  readonly provider: string
  readonly org_id: string
  readonly workspace_id: string
  readonly route: string
  readonly status_code: number
}
