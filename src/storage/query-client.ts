import type { ReadScope } from '../access/key-store.ts'
import { WorkerClient } from '../threads/worker-client.ts'
import type { Trace } from '../traces/trace.ts'
import type { AuditTrailStore } from './contract/audit-trail.ts'
import type { LimitRecords } from './contract/limit-records.ts'
import type { SpendLedger } from './contract/spend-ledger.ts'
import type { Storage } from './contract/storage.ts'
import type { TenantDirectory } from './contract/tenant-directory.ts'
import type { TraceReader } from './contract/traces.ts'
import type { Extent, QueryMethod, QueryReply, QueryRequest } from './query-protocol.ts'
import type { StorageConfig } from './settings.ts'
import { QueryError, StorageError } from './storage-error.ts'

/** Queries that may wait at once. More are refused, so that they do not pile up. */
const MAX_WAITING = 256

/** How long the thread may take to close. */
const CLOSE_MS = 1000

/** Runs queries on the query thread. If the thread dies, its queries fail, and the next query starts it again. */
export class QueryClient {
  readonly #settings: StorageConfig
  readonly #thread: WorkerClient<QueryRequest, QueryReply>
  readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>()
  #next = 0
  #closed: (() => void) | undefined

  constructor(settings: StorageConfig, workerUrl: string) {
    this.#settings = settings
    this.#thread = new WorkerClient({
      url: workerUrl,
      replied: (reply) => this.#take(reply),
      died: () => {
        for (const { reject } of this.#waiting.values()) reject(new StorageError('the query thread died'))
        this.#waiting.clear()
      },
    })
  }

  within(scope: ReadScope): TraceReader {
    return this.#reader(scope)
  }

  everywhere(): TraceReader {
    return this.#reader(null)
  }

  /** Stored traces of all tenants, and the store's size in bytes. */
  async extent(): Promise<Extent> {
    return (await this.#ask(null, 'extent', [])) as Extent
  }

  /** Organizations, workspaces and gateway keys of all tenants. */
  directory(): TenantDirectory {
    const ask = <T>(method: QueryMethod, ...parameters: unknown[]): Promise<T> =>
      this.#ask(null, method, parameters) as Promise<T>
    return {
      activeKeys: () => ask('activeKeys'),
      keysVersion: () => ask('keysVersion'),
      createKey: (key, otherHashes) => ask('createKey', key, otherHashes),
      updateKey: (key, settings, nowUs) => ask('updateKey', key, settings, nowUs),
      rotateKey: (key, token, graceUntilUs, nowUs) => ask('rotateKey', key, token, graceUntilUs, nowUs),
      revokeKey: (key, nowUs) => ask('revokeKey', key, nowUs),
      touchKeys: (uses) => ask('touchKeys', uses),
      adoptKey: (key, before, hmac) => ask('adoptKey', key, before, hmac),
      claimPepper: (print) => ask('claimPepper', print),
      notedPepper: () => ask('notedPepper'),
      changePepper: (before, print) => ask('changePepper', before, print),
      installationId: () => ask('installationId'),
      once: (name, untilUs, nowUs) => ask('once', name, untilUs, nowUs),
      add: (entries) => ask('add', entries),
    }
  }

  /** Events of the audit trail, newest first. */
  audit: AuditTrailStore['list'] = (...parameters) =>
    this.#ask(null, 'audit', parameters) as ReturnType<AuditTrailStore['list']>

  /** Counters of a store that several gateways share. There are as many queries as requests, and none waits for another. */
  limits: NonNullable<Storage['applyLimits']> = (...parameters) =>
    this.#ask(null, 'limits', parameters, Infinity) as ReturnType<NonNullable<Storage['applyLimits']>>

  /** What was spent. */
  spent: SpendLedger['read'] = (...parameters) =>
    this.#ask(null, 'spent', parameters) as ReturnType<SpendLedger['read']>

  /** What limits store besides the ledger. */
  limitRecords(): LimitRecords {
    const ask = <T>(method: keyof LimitRecords, ...parameters: unknown[]): Promise<T> =>
      this.#ask(null, method, parameters) as Promise<T>
    return {
      adjustments: () => ask('adjustments'),
      adjust: (policy, counter, change, nowMs) => ask('adjust', policy, counter, change, nowMs),
      averages: (sinceUs, limit) => ask('averages', sinceUs, limit),
    }
  }

  /** Lets the thread close its store, and ends it. */
  async close(): Promise<void> {
    if (!this.#thread.running) return
    await new Promise<void>((resolve) => {
      this.#closed = resolve
      this.#thread.post({ kind: 'close' })
      setTimeout(resolve, CLOSE_MS).unref()
    })
    this.#thread.end()
  }

  #reader(scope: ReadScope | null): TraceReader {
    const ask = <T>(method: QueryMethod, ...parameters: unknown[]): Promise<T> =>
      this.#ask(scope, method, parameters) as Promise<T>
    return {
      getTrace: (id) => ask<Trace | undefined>('getTrace', id),
      listTraces: (filter, options) => ask('listTraces', filter, options),
      wholeTraces: (filter, options) => ask('wholeTraces', filter, options),
      lastArrival: () => ask('lastArrival'),
      countTraces: () => ask('countTraces'),
      measure: (filter, options) => ask('measure', filter, options),
    }
  }

  #ask(
    scope: ReadScope | null,
    method: QueryMethod,
    parameters: readonly unknown[],
    mostWaiting = MAX_WAITING,
  ): Promise<unknown> {
    if (this.#waiting.size >= mostWaiting)
      return Promise.reject(new StorageError('too many queries are waiting'))
    if (!this.#thread.running) this.#thread.start({ kind: 'open', settings: this.#settings })
    const id = this.#next++
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#thread.post({ kind: 'query', id, scope, method, parameters })
    })
  }

  #take(reply: QueryReply): void {
    if ('closed' in reply) {
      this.#closed?.()
      return
    }
    const waiting = this.#waiting.get(reply.id)
    this.#waiting.delete(reply.id)
    if ('error' in reply) {
      waiting?.reject(reply.kind === 'query' ? new QueryError(reply.error) : new StorageError(reply.error))
    } else waiting?.resolve(reply.value)
  }
}
