import { sql } from 'kysely'
import type { MeasuredRow } from '../contract/analytics.ts'
import { LatencyHistogram } from '../rollups/latency-histogram.ts'
import { isOfTraces, rollupPart, tracePart, type MeasureQuery, type PartRow } from './measure-parts.ts'
import { chosenOf } from './sums.ts'

/** Latencies by group and bucket, added up from the rollups' histograms and the traces of broken quarter hours. */
export async function readHistograms(query: MeasureQuery): Promise<Map<string, LatencyHistogram>> {
  const { series } = query
  const histograms = new Map<string, LatencyHistogram>()
  const starts = new Map<number, number>()
  const startOf = (place: number): number => {
    let start = starts.get(place)
    if (start === undefined) starts.set(place, (start = series?.startUs(series.bucketOf(place)) ?? 0))
    return start
  }
  const histogramOf = (row: PartRow): LatencyHistogram => {
    const bucketStartUs = startOf(Number(row.bucket_us))
    const name = nameOf({ group: row.group_name, secondGroup: row.second_name, bucketStartUs })
    let histogram = histograms.get(name)
    if (!histogram) histograms.set(name, (histogram = new LatencyHistogram()))
    return histogram
  }
  const chosen = chosenOf(query)
  for (const part of query.plan.parts) {
    if (isOfTraces(part)) {
      const { rows } = await sql<PartRow & { latency_ms: number; traces: number }>`
        SELECT group_name, second_name, bucket_us, latency_ms, COUNT(*) AS traces
        FROM ${tracePart(query, part, [sql.ref('traces.latency_ms').as('latency_ms')]).as('part')}
        ${chosen} GROUP BY group_name, second_name, bucket_us, latency_ms`.execute(query.database)
      for (const row of rows) histogramOf(row).add(Number(row.latency_ms), Number(row.traces))
    } else {
      const { rows } = await sql<PartRow & { latencies: Uint8Array }>`
        SELECT * FROM ${rollupPart(query, part, [sql.ref('latencies').as('latencies')]).as('part')} ${chosen}`.execute(
        query.database,
      )
      for (const row of rows) histogramOf(row).addEncoded(row.latencies)
    }
  }
  return histograms
}

/** The key of a row's histogram: its bucket and its groups. */
export function nameOf({
  group,
  secondGroup,
  bucketStartUs,
}: Pick<MeasuredRow, 'group' | 'secondGroup' | 'bucketStartUs'>): string {
  return JSON.stringify([bucketStartUs, group, secondGroup])
}
