import { KeyAdministration } from '../access/key-administration.ts'
import type { KeyReference, Tenant } from '../access/key-store.ts'
import type { AuditAction, AuditEvent } from '../audit/audit-event.ts'
import type { Config } from '../config/config.ts'
import { GatewayError } from '../errors.ts'
import { claimPeppers, peppersOf } from '../gateway/gateway-keys.ts'
import { defined } from '../presentation/defined.ts'
import { changeReason } from '../presentation/key-change-reason.ts'
import type { Storage } from '../storage/contract/storage.ts'
import type { TenantDirectory } from '../storage/contract/tenant-directory.ts'
import { untilFree } from '../storage/until-free.ts'
import { audited } from './audited.ts'
import type { Io } from './command.ts'
import type { Arguments } from './flags.ts'
import { hasNoStore, waitingFor, withConfig } from './open-store.ts'

/** What a command does with keys in the store. */
export interface StoreWork {
  /** The audit trail's name of it; absent for a command that changes nothing. */
  readonly action?: AuditAction
  readonly run: (store: KeyStore) => Promise<object | undefined>
  /** The result while there is no store, which commands that only read do not create. */
  readonly withoutStore?: (config: Config) => object
}

/** Keys of a store, as a command sees them. */
export interface KeyStore {
  readonly keys: KeyAdministration
  /** The id on the command line; empty for none. */
  readonly id: string
  readonly within: Partial<Tenant>
  /** Names the key that the audit trail records. */
  readonly setTarget: (key: KeyTarget) => void
}

/** A key as the audit trail names it. */
type KeyTarget = Partial<Tenant> & { readonly target: string }

/** The command failed, and the reason was shown. */
export const FAILED = Symbol('the reason was shown')

/** Opens the store, does the work and records it in the audit trail. @throws what the work throws */
export async function inStore(
  parsed: Arguments,
  io: Io,
  id: string,
  { action, run, withoutStore }: StoreWork,
): Promise<object | undefined | typeof FAILED> {
  const config = withConfig(parsed, io)
  if (!config) return FAILED
  if (withoutStore && hasNoStore(config)) {
    noteOff(config, io)
    return withoutStore(config)
  }
  const { openStorage } = await import('../storage/open-storage.ts')
  const storage = await openStorage(config.storage, action === undefined ? 'read' : 'write', waitingFor(io))
  const within = defined({
    organizationId: parsed.values.get('org-id'),
    workspaceId: parsed.values.get('workspace-id'),
  })
  let target: KeyTarget = { target: id, ...within }
  /** A change that is made stays, even when it cannot be recorded. */
  const note = async (event: Pick<AuditEvent, 'outcome'> & Partial<AuditEvent>): Promise<void> => {
    if (action === undefined) return
    await audited(storage, { action, ...target, ...event }).catch((error: unknown) =>
      io.err(`note: not in the audit trail: ${error instanceof Error ? error.message : String(error)}\n`),
    )
  }
  try {
    const keys = administration(config, patient(storage))
    const value = await run({ id, keys, within, setTarget: (key) => (target = { ...target, ...key }) })
    await note({ outcome: 'success' })
    noteOff(config, io)
    return value
  } catch (error) {
    if (error instanceof GatewayError) await note({ outcome: 'error', reason: changeReason(error.code) })
    throw error
  } finally {
    await storage.close()
  }
}

function noteOff({ auth }: Config, io: Io): void {
  if (!auth.enabled) io.err('note: auth.enabled is false, so no key is demanded\n')
}

/** A key's name for the audit trail. */
export function referenceOf({ id, organizationId, workspaceId }: KeyReference): KeyTarget {
  return { target: id, organizationId, workspaceId }
}

function administration(config: Config, directory: TenantDirectory): KeyAdministration {
  return new KeyAdministration({
    store: directory,
    peppers: async () => {
      const peppers = peppersOf(config)
      await claimPeppers(directory, peppers)
      return peppers
    },
    fileKeys: () => config.auth.keys,
    policies: () => config.limits.policies,
    allowWeakTokens: () => config.auth.allowWeakTokens,
  })
}

/** The directory, while a running gateway may write all the time. */
function patient(storage: Storage): TenantDirectory {
  const directory = storage.directory()
  return new Proxy(directory, {
    get: (target, name: keyof TenantDirectory) => {
      const method = target[name] as (...parameters: unknown[]) => Promise<unknown>
      return (...parameters: unknown[]) => untilFree(storage, () => method.apply(target, parameters))
    },
  })
}
