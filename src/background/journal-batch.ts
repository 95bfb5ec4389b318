/** The oldest records of a journal. The same ones come again until `commit` is called. */
export interface JournalBatch {
  readonly payloads: readonly Uint8Array[]
  /** They are safe elsewhere. */
  readonly commit: () => void
  /** The file that they are in is kept in quarantine instead of being deleted. */
  readonly keepFile: () => void
  /** Records of a file that was removed from outside. They are no longer counted. */
  readonly lost: number
  /** Records that turned out to be damaged; their file will be kept, and they are no longer counted. */
  readonly damaged: number
}

/** No records. */
export const NO_RECORDS: JournalBatch = {
  payloads: [],
  commit: () => undefined,
  keepFile: () => undefined,
  lost: 0,
  damaged: 0,
}

/** What was taken over of gateways that have ended. */
export interface Adopted {
  /** Whole records in segments whose owner has ended. */
  readonly records: number
  /** Stretches in them that cannot be read. */
  readonly damaged: number
}

/** Adds up what was taken over. */
export function adoptedTogether(parts: readonly Adopted[]): Adopted {
  return {
    records: parts.reduce((sum, { records }) => sum + records, 0),
    damaged: parts.reduce((sum, { damaged }) => sum + damaged, 0),
  }
}
