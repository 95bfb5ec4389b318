import type { StorageConfig } from '../config/config.ts'
import { openStorage } from './open-storage.ts'
import type { Extent, QueryReply, QueryRequest } from './query-protocol.ts'
import { QuestionError } from './storage-error.ts'
import type { Storage, TenantDirectory } from './storage.ts'

// The query thread: answers the management API, so that neither serving nor recording waits for a long question.

declare const self: Worker

let settings: StorageConfig | undefined
let opening: Promise<Storage> | undefined

self.onmessage = (event: MessageEvent<QueryRequest>) => {
  const request = event.data
  if (request.kind === 'open') settings = request.settings
  else if (request.kind === 'close') void close()
  else void answer(request)
}

async function answer({
  id,
  tenant,
  method,
  parameters,
}: Extract<QueryRequest, { kind: 'query' }>): Promise<void> {
  const opened = (opening ??= openForQueries())
  try {
    const storage = await opened
    if (storage.driver === 'sqlite') await storage.ping()
    reply({ id, value: await ask(storage, tenant, method, parameters) })
  } catch (error) {
    const kind = error instanceof QuestionError ? 'question' : 'store'
    reply({ id, error: error instanceof Error ? error.message : String(error), kind })
    if (kind === 'question') return
    await reopenUnlessKept(opened)
  }
}

/** For writing, so that a file which was replaced is noticed, and for what is changed of keys. */
async function openForQueries(): Promise<Storage> {
  if (!settings) throw new Error('a question came before the settings')
  return openStorage(settings, 'write')
}

/** A file may have been replaced; a pool of connections mends itself, and others are still using it. */
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
  tenant: Extract<QueryRequest, { kind: 'query' }>['tenant'],
  method: Extract<QueryRequest, { kind: 'query' }>['method'],
  parameters: readonly unknown[],
): Promise<unknown> {
  if (method === 'extent') return extentOf(store)
  const reader = tenant ? store.within(tenant) : store.everywhere()
  const asked = OF_DIRECTORY.has(method) ? store.directory() : reader
  // The parameters were typed on the other side of the thread.
  const methods = asked as unknown as Record<string, (...parameters: unknown[]) => Promise<unknown>>
  return methods[method]!(...parameters)
}

const OF_DIRECTORY: ReadonlySet<string> = new Set<keyof TenantDirectory>([
  'activeKeys',
  'adoptKey',
  'claimPepper',
  'add',
])

async function extentOf(store: Storage): Promise<Extent> {
  const [{ traces }, bytes] = await Promise.all([store.maintenance().counters(), store.sizeBytes()])
  return { traces, bytes }
}

function reply(message: QueryReply): void {
  self.postMessage(message)
}
