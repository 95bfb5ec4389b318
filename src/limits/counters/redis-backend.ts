import { RedisClient } from 'bun'
import { patientTimer } from '../../time/patient-timer.ts'
import SCRIPT from './redis-script.lua' with { type: 'text' }
import type { SharedBackend, SharedOperation, SharedReply, SharedRequest } from './shared-counters.ts'

/** Longest wait between two attempts at a Redis that is away. */
const RECONNECT_MS = 1000

/** How much longer a silent connection is waited for than the caller waits. */
const SILENCE_MS = 2000

/** Counters in Redis, by one script that does everything in one go. */
export class RedisBackend implements SharedBackend {
  readonly #url: string
  readonly #namespace: () => Promise<string>
  readonly #timeoutMs: () => number
  readonly #hash = new Bun.CryptoHasher('sha1').update(SCRIPT).digest('hex')
  #client: RedisClient | undefined
  #connecting: Promise<RedisClient> | undefined
  #triedAt = -Infinity
  /** What all names begin with, once it is known. */
  #prefix: string | undefined

  /**
   * @param url `redis://` or `rediss://`
   * @param namespace prefix of this installation's names; called until it is known
   * @param timeoutMs how long the caller waits
   */
  constructor(url: string, namespace: () => Promise<string>, timeoutMs: () => number) {
    this.#url = url
    this.#namespace = namespace
    this.#timeoutMs = timeoutMs
  }

  async apply(operation: SharedOperation, request: SharedRequest): Promise<SharedReply> {
    // In braces: all keys hash to one slot, so that a cluster can run the script.
    const prefix = (this.#prefix ??= `{${await this.#namespace()}}:`)
    const client = this.#client ?? (await this.#connected())
    const parameters = ['1', prefix, operation, JSON.stringify(request)]
    try {
      return read(await this.#send(client, 'EVALSHA', [this.#hash, ...parameters]))
    } catch (error) {
      if (!String(error).includes('NOSCRIPT')) throw error
      // A Redis that was started anew does not know the script.
      return read(await this.#send(client, 'EVAL', [SCRIPT, ...parameters]))
    }
  }

  /** Redis responds in order. If one response does not arrive, no later one does on this connection. */
  #send(client: RedisClient, command: string, parameters: string[]): Promise<unknown> {
    const response = client.send(command, parameters)
    return response.finally(patientTimer(this.#timeoutMs() + SILENCE_MS, () => client.close()))
  }

  close(): void {
    this.#client?.close()
  }

  /** Connects, with a pause between attempts. During the pause, callers fail at once. */
  #connected(): Promise<RedisClient> {
    if (this.#connecting) return this.#connecting
    if (performance.now() - this.#triedAt < RECONNECT_MS)
      return Promise.reject(new Error('redis is not reachable'))
    this.#triedAt = performance.now()
    const client = new RedisClient(this.#url, {
      autoReconnect: false,
      enableOfflineQueue: false,
      connectionTimeout: 2000,
    })
    client.onclose = () => {
      if (this.#client === client) this.#client = undefined
    }
    this.#connecting = client
      .connect()
      .then(() => {
        this.#client = client
        return client
      })
      .finally(() => {
        this.#connecting = undefined
      })
    return this.#connecting
  }
}

function read(response: unknown): SharedReply {
  // An empty list is an empty object in Lua's JSON.
  const { refused, second, states, missing } = JSON.parse(String(response)) as SharedReply
  return { refused, second, states: listOf(states), missing: listOf(missing) }
}

function listOf<T>(value: readonly T[]): readonly T[] {
  return Array.isArray(value) ? value : []
}
