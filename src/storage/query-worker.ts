import type { StorageConfig } from './settings.ts'
import { openStorage } from './open-storage.ts'
import type { Extent, QueryReply, QueryRequest } from './query-protocol.ts'
import { QueryError } from './storage-error.ts'
import type { AuditTrailStore } from './contract/audit-trail.ts'
import type { LimitRecords } from './contract/limit-records.ts'
import type { SpendLedger } from './contract/spend-ledger.ts'
import type { Storage } from './contract/storage.ts'
import type { TenantDirectory } from './contract/tenant-directory.ts'
import { untilFree } from './until-free.ts'

// The query thread: runs the management API's queries, so that neither serving nor recording waits for a long one.

declare const self: Worker

let settings: StorageConfig | undefined
let opening: Promise<Storage> | undefined

self.onmessage = (event: MessageEvent<QueryRequest>) => {
  const request = event.data
  if (request.kind === 'open') settings = request.settings
  else if (request.kind === 'close') void close()
  else void serve(request)
}

async function serve({
  id,
  scope,
  method,
  parameters,
}: Extract<QueryRequest, { kind: 'query' }>): Promise<void> {
  const opened = (opening ??= openForQueries())
  try {
    const storage = await opened
    if (storage.driver === 'sqlite') await storage.ping()
    reply({ id, value: await ask(storage, scope, method, parameters) })
  } catch (error) {
    const kind = error instanceof QueryError ? 'query' : 'store'
    reply({ id, error: error instanceof Error ? error.message : String(error), kind })
    if (kind === 'query') return
    await reopenUnlessKept(opened)
  }
}

/** Opened for writing: a replaced file is noticed, and keys can change. */
async function openForQueries(): Promise<Storage> {
  if (!settings) throw new Error('a query came before the settings')
  return openStorage(settings, 'write')
}

/** A file may have been replaced. A connection pool recovers by itself, and other queries still use it. */
async function reopenUnlessKept(opened: Promise<Storage>): Promise<void> {
  const storage = await opened.catch(() => undefined)
  if (storage?.driver === 'postgres' || opening !== opened) return
  opening = undefined
  await storage?.close()
}

/** A connection that is left open would keep the database's WAL on the disk. */
async function close(): Promise<void> {
  const storage = await opening?.catch(() => undefined)
  await storage?.close()
  reply({ closed: true })
}

function ask(
  store: Storage,
  scope: Extract<QueryRequest, { kind: 'query' }>['scope'],
  method: Extract<QueryRequest, { kind: 'query' }>['method'],
  parameters: readonly unknown[],
): Promise<unknown> {
  if (method === 'extent') return extentOf(store)
  if (method === 'audit') {
    return store.auditTrail().list(...(parameters as Parameters<AuditTrailStore['list']>))
  }
  if (method === 'limits') {
    return store.applyLimits!(...(parameters as Parameters<NonNullable<Storage['applyLimits']>>))
  }
  if (method === 'spent') return store.spend().read(...(parameters as Parameters<SpendLedger['read']>))
  const reader = scope ? store.within(scope) : store.everywhere()
  const ofDirectory = OF_DIRECTORY.has(method)
  const ofLimits = OF_LIMITS.has(method)
  const asked = ofDirectory ? store.directory() : ofLimits ? store.limitRecords() : reader
  // The parameters were typed on the other side of the thread.
  const methods = asked as unknown as Record<string, (...parameters: unknown[]) => Promise<unknown>>
  const run = (): Promise<unknown> => methods[method]!(...parameters)
  // They change while a recorder writes all the time.
  return ofDirectory || ofLimits ? untilFree(store, run, LOCK_WAIT_MS) : run()
}

/** How long a change waits for the recorder's turn to end. */
const LOCK_WAIT_MS = 5000

const OF_DIRECTORY: ReadonlySet<string> = new Set<keyof TenantDirectory>([
  'activeKeys',
  'keysVersion',
  'createKey',
  'updateKey',
  'rotateKey',
  'revokeKey',
  'touchKeys',
  'adoptKey',
  'claimPepper',
  'notedPepper',
  'changePepper',
  'installationId',
  'once',
  'add',
])

const OF_LIMITS: ReadonlySet<string> = new Set<keyof LimitRecords>(['adjustments', 'adjust', 'averages'])

async function extentOf(store: Storage): Promise<Extent> {
  const [{ traces }, bytes] = await Promise.all([store.maintenance().counters(), store.sizeBytes()])
  return { traces, bytes }
}

function reply(message: QueryReply): void {
  self.postMessage(message)
}
