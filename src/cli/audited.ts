import { type AuditEvent, auditEvent } from '../audit/audit-event.ts'
import type { Storage } from '../storage/contract/storage.ts'
import type { StorageConfig } from '../storage/settings.ts'
import { untilFree } from '../storage/until-free.ts'
import type { Io } from './command.ts'
import { waitingFor } from './open-store.ts'
import { userInfo } from 'node:os'

/** The actor of the command line: `cli`, with the system's user name. */
const ACTOR = 'cli'

/** Records in an open store what a command did. */
export async function audited(
  storage: Storage,
  event: Pick<AuditEvent, 'action'> & Partial<AuditEvent>,
): Promise<void> {
  const detail = { ...event.detail, user: userName() }
  await untilFree(storage, () =>
    storage.auditTrail().append([auditEvent({ ...event, actor: ACTOR, detail })]),
  )
}

/** As `audited`, for a command that only reads: a store that cannot be written is no reason for it to fail. */
export async function auditedReading(
  config: StorageConfig,
  event: Pick<AuditEvent, 'action'> & Partial<AuditEvent>,
  io: Io,
): Promise<void> {
  try {
    const { openStorage } = await import('../storage/open-storage.ts')
    const storage = await openStorage(config, 'write', waitingFor(io))
    try {
      await audited(storage, event)
    } finally {
      await storage.close()
    }
  } catch (error) {
    io.err(`note: not in the audit trail: ${error instanceof Error ? error.message : String(error)}\n`)
  }
}

function userName(): string {
  try {
    return userInfo().username
  } catch {
    // A user without an entry in the system's list, as in a container.
    return String(process.getuid?.() ?? '')
  }
}
