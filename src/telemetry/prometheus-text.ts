import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus'
import type { ResourceMetrics } from '@opentelemetry/sdk-metrics'

/** Text for Prometheus, and its media type. */
export interface Scrape {
  readonly text: string
  readonly mediaType: string
}

const SERIALIZER = new PrometheusSerializer()

/**
 * Metrics in one of Prometheus's text formats.
 *
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/
 * @see https://prometheus.io/docs/specs/om/open_metrics_spec/
 */
export function prometheusText(metrics: ResourceMetrics, openMetrics: boolean): Scrape {
  // Names carry units. A UNIT line is OpenMetrics only, and must be the name's end.
  const text = SERIALIZER.serialize(metrics)
    .replaceAll(/^# UNIT .*\n/gm, '')
    .replaceAll(/^\n/gm, '')
  if (!openMetrics) return { text, mediaType: 'text/plain; version=0.0.4; charset=utf-8' }
  return {
    text: toOpenMetrics(text),
    mediaType: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
  }
}

/** The older format as the newer: a counter's family is called without `_total`, and the end is marked. */
function toOpenMetrics(text: string): string {
  const counters = new Set([...text.matchAll(/^# TYPE (\S+)_total counter$/gm)].map(([, name]) => name!))
  const renamed = text.replaceAll(/^# (HELP|TYPE) (\S+)_total /gm, (line, kind: string, name: string) =>
    counters.has(name) ? `# ${kind} ${name} ` : line,
  )
  // `target_info` is an info: its family has no suffix there.
  return `${renamed
    .replace(/^# HELP target_info /m, '# HELP target ')
    .replace('# TYPE target_info gauge', '# TYPE target info')
    .trimEnd()}\n# EOF\n`
}
