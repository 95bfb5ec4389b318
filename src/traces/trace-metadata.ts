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
  readonly providerError: string
  readonly masked: number
}

/** The open part of the record, under the contract's keys. */
export function metadataOf(
  exchange: Exchange,
  { held, streaming, lineage, credential, subscription, stored, providerError, masked }: MetadataParts,
): Record<string, unknown> {
  const { caller, wire } = exchange
  const metadata: Record<string, unknown> = {
    streaming,
    stream_chunks: streaming ? exchange.responseChunks : 0,
  }
  stored.describe(metadata)
  metadata['headers_masked'] = masked
  metadata['lineage_checkpoint_id'] = exchange.id
  metadata['lineage_immutable'] = true
  metadata['correlation_id'] = exchange.correlationId
  if (lineage.groupId !== '') metadata['lineage_group_id'] = lineage.groupId
  if (lineage.threadId !== '') metadata['lineage_thread_id'] = lineage.threadId
  if (lineage.runId !== '') metadata['lineage_run_id'] = lineage.runId
  if (lineage.parentCheckpointId !== '') metadata['lineage_parent_checkpoint_id'] = lineage.parentCheckpointId
  if (lineage.checkpointSeq !== undefined) metadata['lineage_checkpoint_seq'] = lineage.checkpointSeq
  if (credential.last4 !== '') metadata['api_key_last4'] = credential.last4
  if (held !== '') metadata['credential_name'] = held
  if (subscription) metadata['credential_kind'] = 'subscription'
  if (caller.keyId !== '') {
    metadata['gateway_key_id'] = caller.keyId
    if (caller.team !== '') metadata['team'] = caller.team
    if (caller.role !== '') metadata['role'] = caller.role
    if (caller.organizationId !== '') metadata['org_id'] = caller.organizationId
    if (caller.workspaceId !== '') metadata['workspace_id'] = caller.workspaceId
  }
  if (wire.api === '' && !exchange.free && exchange.outcome !== 'refused') metadata['unmetered'] = true
  if (exchange.injected) metadata['stream_usage_injected'] = metadata['mutated'] = true
  if (exchange.inspection?.request?.decision === 'redacted') metadata['mutated'] = true
  if (providerError !== '') metadata['response_error'] = providerError
  return metadata
}
