import { withoutCredentials } from '../redaction/without-credentials.ts'

/** Longest stored lineage value. The values come from the client unchanged otherwise. */
const MAX_LENGTH = 256

/** Lineage of an exchange as its request states it. Empty texts and `undefined` if not stated. */
export interface LineageHeaders {
  readonly groupId: string
  readonly threadId: string
  readonly runId: string
  readonly parentCheckpointId: string
  readonly checkpointSeq: number | undefined
}

/**
 * Reads the lineage fields of a request.
 *
 * @param fields lower-case names
 */
export function readLineageHeaders(fields: Readonly<Record<string, string>>): LineageHeaders {
  // Most requests state none.
  if (LINEAGE_FIELDS.every((name) => fields[name] === undefined)) return NO_LINEAGE
  return {
    groupId: read(fields, 'x-ongoingai-trace-group-id'),
    threadId: read(fields, 'x-ongoingai-thread-id'),
    runId: read(fields, 'x-ongoingai-run-id'),
    parentCheckpointId: read(fields, 'x-ongoingai-parent-checkpoint-id'),
    checkpointSeq: readSequence(fields['x-ongoingai-checkpoint-seq']),
  }
}

const LINEAGE_FIELDS = [
  'x-ongoingai-trace-group-id',
  'x-ongoingai-thread-id',
  'x-ongoingai-run-id',
  'x-ongoingai-parent-checkpoint-id',
  'x-ongoingai-checkpoint-seq',
]

const NO_LINEAGE: LineageHeaders = {
  groupId: '',
  threadId: '',
  runId: '',
  parentCheckpointId: '',
  checkpointSeq: undefined,
}

function read(fields: Readonly<Record<string, string>>, name: string): string {
  return withoutCredentials((fields[name] ?? '').trim()).slice(0, MAX_LENGTH)
}

/** Decimal integer with an optional sign, not negative, within what a number holds exactly. */
function readSequence(text: string | undefined): number | undefined {
  const trimmed = text?.trim() ?? ''
  if (!/^[-+]?\d+$/.test(trimmed)) return undefined
  const value = Number(trimmed)
  return Number.isSafeInteger(value) && value >= 0 ? Math.abs(value) : undefined
}
