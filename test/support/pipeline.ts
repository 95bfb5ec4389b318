import type { PipelineDiagnostics } from '../../src/background/diagnostics.ts'

/** What a gateway without keys tells of its recorder. */
export async function pipeline({ url }: { readonly url: string }): Promise<PipelineDiagnostics> {
  const answer = await fetch(`${url}/api/diagnostics/trace-pipeline`)
  return ((await answer.json()) as { diagnostics: PipelineDiagnostics }).diagnostics
}

/** The equation that holds at every moment (`docs/architecture.md`). */
export function balanced(d: PipelineDiagnostics): boolean {
  const known =
    d.stored_total + d.queue_depth + d.journal_records + d.quarantined_total + d.write_dropped_total
  return known === d.enqueue_accepted_total
}
