import { connect, createServer, type Socket } from 'node:net'

/** Takes what a client sends on one connection, cut anywhere, and says how many questions end in it. */
export type CountQuestions = (bytes: Buffer) => number

/** A server between a client and a database, which counts what is asked through it and fails as networks do. */
export interface DatabaseRelay {
  readonly port: number
  /** Questions so far, each of which is a round trip. */
  readonly asked: () => number
  /** From now on nothing passes on the connections that there are, and nobody is told; new ones are not affected. */
  silence(): void
  stop(): Promise<void>
}

export interface RelayOptions {
  /** Makes the counter of a connection. */
  readonly counter?: () => CountQuestions
  /** How long the end of a connection stays on its way. */
  readonly closesAfterMs?: number
}

/** Starts a relay before a server on this machine. */
export async function startDatabaseRelay(
  serverPort: number,
  { counter = () => () => 0, closesAfterMs = 0 }: RelayOptions,
): Promise<DatabaseRelay> {
  let asked = 0
  const sockets = new Set<Socket>()
  const silent = new WeakSet<Socket>()
  const server = createServer((client) => {
    const count = counter()
    const upstream = connect(serverPort, '127.0.0.1')
    client.on('data', (bytes) => {
      asked += count(bytes as Buffer)
      if (!silent.has(client)) upstream.write(bytes)
    })
    upstream.on('data', (bytes) => {
      if (!silent.has(upstream)) client.write(bytes)
    })
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      const closes = (): void => {
        if (!silent.has(one)) other.destroy()
      }
      sockets.add(one)
      one.on('error', closes)
      one.on('close', () => {
        sockets.delete(one)
        setTimeout(closes, closesAfterMs)
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as { port: number }).port,
    asked: () => asked,
    silence() {
      for (const socket of sockets) silent.add(socket)
    },
    async stop() {
      for (const socket of sockets) socket.destroy()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

/** Counts commands of Redis. @see https://redis.io/docs/latest/develop/reference/protocol-spec/ */
export function countRedisCommands(): CountQuestions {
  let waiting = Buffer.alloc(0)
  /** A line without its end, and what comes after it. */
  const line = (from: number): { text: string; next: number } | undefined => {
    const end = waiting.indexOf('\r\n', from)
    return end < 0 ? undefined : { text: waiting.toString('latin1', from, end), next: end + 2 }
  }
  /** Where the command ends that the bytes begin with. */
  const endOfCommand = (): number | undefined => {
    const head = line(0)
    if (!head) return undefined
    let { next } = head
    for (let left = Number(head.text.slice(1)); left > 0; left--) {
      const length = line(next)
      if (!length) return undefined
      next = length.next + Number(length.text.slice(1)) + 2
    }
    return next <= waiting.length ? next : undefined
  }
  return (bytes) => {
    waiting = Buffer.concat([waiting, bytes])
    let commands = 0
    for (let end = endOfCommand(); end !== undefined; end = endOfCommand()) {
      waiting = waiting.subarray(end)
      commands += 1
    }
    return commands
  }
}

/**
 * Counts what PostgreSQL is asked on connections on which a word has been said: each simple query, and each Sync, which is what a
 * client waits for.
 *
 * @see https://www.postgresql.org/docs/current/protocol-message-formats.html
 */
export function countPostgresQuestions(word: string): CountQuestions {
  let waiting = Buffer.alloc(0)
  let started = false
  let said = false
  return (bytes) => {
    waiting = Buffer.concat([waiting, bytes])
    let questions = 0
    for (;;) {
      // The first message has no type.
      const typeBytes = started ? 1 : 0
      if (waiting.length < typeBytes + 4) return questions
      const end = typeBytes + waiting.readUInt32BE(typeBytes)
      if (waiting.length < end) return questions
      const message = waiting.subarray(0, end)
      waiting = waiting.subarray(end)
      said ||= message.includes(word)
      const type = started ? String.fromCharCode(message[0]!) : ''
      if (said && (type === 'Q' || type === 'S')) questions += 1
      started = true
    }
  }
}
