import type { ContentReading } from './content-reading.ts'
import type { Exchange } from './exchange.ts'
import type { LineageHeaders } from './lineage-headers.ts'
import type { CredentialTrace } from './provider-credential.ts'
import type { StoredContent } from './stored-content.ts'

/** What of a trace its metadata repeats. */
interface MetadataParts {
  /** Name of the credential of the gateway; empty for the caller's own. */
  readonly held: string
  readonly streaming: boolean
  readonly lineage: LineageHeaders
  readonly credential: CredentialTrace
  readonly subscription: boolean
  readonly stored: StoredContent
  readonly masked: number
}

/** The open part of the record, under the contract's keys. */
export function metadataOf(
  exchange: Exchange,
  content: ContentReading,
  { held, streaming, lineage, credential, subscription, stored, masked }: MetadataParts,
): Record<string, unknown> {
  const { caller, wire } = exchange
  const metadata: Record<string, unknown> = {
    streaming,
    stream_chunks: streaming ? exchange.responseChunks : 0,
    ...stored.metadata,
    headers_masked: masked,
    lineage_checkpoint_id: exchange.id,
    lineage_immutable: true,
    correlation_id: exchange.correlationId,
  }
  const give = (name: string, value: string): void => {
    if (value !== '') metadata[name] = value
  }
  give('lineage_group_id', lineage.groupId)
  give('lineage_thread_id', lineage.threadId)
  give('lineage_run_id', lineage.runId)
  give('lineage_parent_checkpoint_id', lineage.parentCheckpointId)
  if (lineage.checkpointSeq !== undefined) metadata['lineage_checkpoint_seq'] = lineage.checkpointSeq
  give('api_key_last4', credential.last4)
  give('credential_name', held)
  if (subscription) metadata['credential_kind'] = 'subscription'
  if (caller.keyId !== '') {
    give('gateway_key_id', caller.keyId)
    give('team', caller.team)
    give('role', caller.role)
    give('org_id', caller.organizationId)
    give('workspace_id', caller.workspaceId)
  }
  if (wire.api === '' && !exchange.free && exchange.outcome !== 'refused') metadata['unmetered'] = true
  if (exchange.injected) metadata['stream_usage_injected'] = metadata['mutated'] = true
  if (exchange.inspection?.request?.decision === 'redacted') metadata['mutated'] = true
  give('response_error', stored.text(content.response.error ?? ''))
  return metadata
}
