/** The settings of telemetry, as they cross between threads. */
export interface TelemetrySettings {
  readonly enabled: boolean
  /** Base URL of the collector, without a slash at its end. */
  readonly endpoint: string
  readonly protocol: 'http/protobuf' | 'http/json'
  readonly serviceName: string
  readonly serviceVersion: string
  readonly traces: boolean
  /** Metrics are pushed to the collector. */
  readonly metrics: boolean
  /** Metrics are served to Prometheus. */
  readonly prometheus: boolean
  readonly samplingRatio: number
  /** Traces a second that callers may have kept by their `traceparent`; the ratio decides beyond that. */
  readonly maxForcedPerSecond: number
  /** Upstreams get the trace; never without traces, because it would name spans that are never exported. */
  readonly propagateUpstream: boolean
  readonly exportTimeoutMs: number
  readonly metricIntervalMs: number
  /** The newest names of the GenAI conventions instead of the last released ones. */
  readonly latestGenAi: boolean
}
