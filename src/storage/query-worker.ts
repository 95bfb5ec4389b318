import { openSqliteStorage } from './drivers/sqlite.ts'
import type { QueryReply, QueryRequest } from './query-protocol.ts'
import type { Storage } from './storage.ts'

// The query thread: answers the management API, so that neither serving nor recording waits for a long question.

declare const self: Worker

let path = ''
let storage: Storage | undefined

self.onmessage = (event: MessageEvent<QueryRequest>) => {
  const request = event.data
  if (request.kind === 'open') path = request.path
  else if (request.kind === 'close') void close()
  else void answer(request)
}

async function answer({
  id,
  tenant,
  method,
  parameters,
}: Extract<QueryRequest, { kind: 'query' }>): Promise<void> {
  try {
    // Opened for writing only so that a file which was replaced is noticed; this thread never writes.
    storage ??= openSqliteStorage(path, 'write')
    await storage.ping()
    reply({ id, value: await ask(storage, tenant, method, parameters) })
  } catch (error) {
    await storage?.close()
    storage = undefined
    reply({ id, error: error instanceof Error ? error.message : String(error) })
  }
}

/** A connection that is left open would keep the database's WAL on the disk. */
async function close(): Promise<void> {
  await storage?.close()
  reply({ closed: true })
}

function ask(
  store: Storage,
  tenant: Extract<QueryRequest, { kind: 'query' }>['tenant'],
  method: Extract<QueryRequest, { kind: 'query' }>['method'],
  parameters: readonly unknown[],
): Promise<unknown> {
  if (method === 'sizeBytes') return store.sizeBytes()
  const reader = tenant ? store.within(tenant) : store.everywhere()
  // The parameters were typed by the reader on the other side of the thread.
  return (reader[method] as (...parameters: unknown[]) => Promise<unknown>)(...parameters)
}

function reply(message: QueryReply): void {
  self.postMessage(message)
}
