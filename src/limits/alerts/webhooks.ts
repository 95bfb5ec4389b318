/** Largest number of waiting messages. More are dropped and logged. */
const MAX_WAITING = 1000

/** Waiting times between attempts at a receiver. */
const RETRY_MS = [1000, 5000, 30_000, 120_000]

/** How long a receiver may take. */
const TIMEOUT_MS = 10_000

/** A receiver of the warnings of budgets. */
export interface WebhookConfig {
  readonly url: string
  /** Empty for messages without a signature. */
  readonly secret: string
}

/** What the sender needs around it. */
export interface WebhookPorts {
  readonly receivers: () => readonly WebhookConfig[]
  readonly log: (level: 'WARN', message: string, fields: Readonly<Record<string, unknown>>) => void
  /** Waiting times between attempts, in milliseconds. */
  readonly retryMs?: readonly number[]
}

/** Sends signed messages to the configured receivers, with retries for some minutes. */
export class Webhooks {
  readonly #ports: WebhookPorts
  #waiting = 0

  constructor(ports: WebhookPorts) {
    this.#ports = ports
  }

  /** Sends a message to every receiver. @param id identifies a message that a receiver gets twice */
  send(id: string, message: object): void {
    const body = JSON.stringify({ id, ...message })
    for (const receiver of this.#ports.receivers()) {
      if (this.#waiting >= MAX_WAITING) {
        this.#ports.log('WARN', 'webhook message dropped: too many are waiting', {
          host: hostOf(receiver.url),
        })
        continue
      }
      this.#waiting += 1
      void this.#deliver(receiver, id, body).finally(() => {
        this.#waiting -= 1
      })
    }
  }

  async #deliver(receiver: WebhookConfig, id: string, body: string): Promise<void> {
    let failure = ''
    for (const wait of [0, ...(this.#ports.retryMs ?? RETRY_MS)]) {
      if (wait > 0) await unhurried(wait)
      try {
        const response = await fetch(receiver.url, {
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            'user-agent': 'ongoingai-gateway',
            'x-ongoingai-message-id': id,
            ...signature(receiver.secret, body),
          },
          body,
          redirect: 'manual',
          signal: AbortSignal.timeout(TIMEOUT_MS),
        })
        await response.body?.cancel()
        if (response.ok) return
        failure = `status ${response.status}`
      } catch (error) {
        failure = error instanceof Error ? error.message : String(error)
      }
    }
    this.#ports.log('WARN', 'webhook message was not taken', {
      host: hostOf(receiver.url),
      message_id: id,
      error: failure,
    })
  }
}

/** `t=<seconds>,v1=<HMAC-SHA256 of "<seconds>.<body>">`: a message cannot be forged, nor replayed later. */
function signature(secret: string, body: string): Record<string, string> {
  if (secret === '') return {}
  const seconds = Math.floor(Date.now() / 1000)
  const hmac = new Bun.CryptoHasher('sha256', secret).update(`${seconds}.${body}`).digest('hex')
  return { 'x-ongoingai-signature': `t=${seconds},v1=${hmac}` }
}

/** The receiver's URL may contain a secret. */
function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : ''
}

/** A delay that does not keep the process alive. */
function unhurried(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref()
  })
}
