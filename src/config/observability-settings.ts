import type { Section } from './setting.ts'

/** `observability`: the log, Prometheus and OpenTelemetry. */
export const OBSERVABILITY: Section = {
  kind: 'section',
  type: 'config.ObservabilityConfig',
  doc: 'Telemetry.',
  fields: {
    log_level: {
      kind: 'string',
      default: 'info',
      doc: 'Lowest level that is logged: info, warn or error.',
    },
    log_format: { kind: 'string', default: 'json', doc: 'json or text.' },
    admin_address: {
      kind: 'string',
      default: '',
      doc: 'host:port of a separate listener for Prometheus. Empty means the main one.',
    },
    metrics_token: {
      kind: 'string',
      default: '',
      secret: true,
      doc: 'Bearer token that Prometheus must send. Empty means none is needed, except on the main listener while keys are on.',
    },
    otel: {
      kind: 'section',
      type: 'config.OTelConfig',
      doc: 'OpenTelemetry. The standard variables for headers, compression, certificates and resource attributes apply too.',
      fields: {
        enabled: { kind: 'bool', default: false, doc: 'Turns telemetry on.' },
        endpoint: {
          kind: 'string',
          default: 'localhost:4318',
          doc: 'OTLP/HTTP collector: host:port, or a URL. Its path goes before /v1/traces.',
        },
        protocol: { kind: 'string', default: 'http/protobuf', doc: 'http/protobuf or http/json.' },
        insecure: { kind: 'bool', default: true, doc: 'Plain HTTP to the collector.' },
        service_name: { kind: 'string', default: 'ongoingai-gateway', doc: 'service.name.' },
        traces_enabled: { kind: 'bool', default: true, doc: 'Export spans.' },
        metrics_enabled: { kind: 'bool', default: true, doc: 'Export metrics over OTLP.' },
        prometheus_enabled: { kind: 'bool', default: false, doc: 'Serve Prometheus metrics.' },
        prometheus_path: { kind: 'string', default: '/metrics', doc: 'Path of the Prometheus metrics.' },
        sampling_ratio: { kind: 'float', default: 1, doc: 'Share of traces kept, 0 to 1.' },
        max_forced_per_second: {
          kind: 'int',
          default: 10,
          doc: 'Traces per second that callers can force with their traceparent. Beyond that, the ratio decides.',
        },
        propagate_upstream: {
          kind: 'bool',
          default: false,
          doc: 'Send traceparent to upstreams, with the client span of their call. Needs traces_enabled.',
        },
        semconv_opt_in: {
          kind: 'string',
          default: '',
          doc: 'gen_ai_latest_experimental uses the names of semantic-conventions-genai v0.1.0 instead of the core conventions 1.41.',
        },
        export_timeout_ms: { kind: 'int', default: 3000, unit: 'ms', doc: 'Time-out of one export.' },
        metric_export_interval_ms: {
          kind: 'int',
          default: 10_000,
          unit: 'ms',
          doc: 'Time between exports of metrics.',
        },
      },
    },
  },
}
