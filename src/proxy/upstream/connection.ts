import type { Connection } from '../../providers/settings.ts'
import { patientTimer } from '../../time/patient-timer.ts'
import { type Socket, connect as connectTcp } from 'node:net'
import { connect as connectTls } from 'node:tls'

/** Longest response of a proxy to `CONNECT`. */
const MAX_PROXY_RESPONSE_BYTES = 16 * 1024

/** What a proxy says before its tunnel begins. */
const TUNNEL_OPEN = /^HTTP\/1\.[01] 2\d\d\b/

/** How one provider's upstream is reached, by `fetch` and by the gateway's own sockets: directly or through a proxy, with certificates. */
export class UpstreamConnection {
  /** What `fetch` is given with every request. */
  readonly fetchOptions: { readonly session: Bun.FetchSession } | { readonly proxy: false }
  /** When an exchange that has ended last heard something of the upstream, by `performance.now()`. */
  heardAt = 0
  readonly #upstream: URL
  readonly #proxy: URL | undefined
  readonly #tls: { ca?: string; cert?: string; key?: string }
  readonly #session: Bun.FetchSession | undefined

  /** @param origin scheme and authority of the upstream */
  constructor(origin: string, { proxy, ca, certificate, key }: Connection) {
    this.#upstream = new URL(origin)
    this.#proxy = proxy === '' ? undefined : new URL(proxy)
    this.#tls = {
      ...(ca === '' ? {} : { ca }),
      ...(certificate === '' ? {} : { cert: certificate, key }),
    }
    if (this.#proxy || Object.keys(this.#tls).length > 0) {
      this.#session = new Bun.FetchSession({
        proxy: this.#proxy ? { url: this.#proxy, respectNoProxy: false } : false,
        tls: this.#tls,
      })
    }
    this.fetchOptions = this.#session ? { session: this.#session } : { proxy: false }
  }

  /**
   * Opens a connection, with TLS if the upstream's URL is `https`.
   *
   * @param signal ends the attempt
   * @throws Error when that cannot be done
   */
  async dial(signal: AbortSignal): Promise<Socket> {
    const socket = this.#proxy
      ? await this.#tunnel(this.#proxy, signal)
      : await toHost(this.#upstream, signal)
    if (this.#upstream.protocol !== 'https:') return socket
    return secured(socket, this.#upstream, this.#tls, signal)
  }

  /**
   * Whether a new connection to the upstream is accepted or refused within a time. It opens a tunnel through a proxy where requests take
   * one.
   */
  async isReachable(timeoutMs: number): Promise<boolean> {
    const over = new AbortController()
    const callOff = patientTimer(timeoutMs, () => over.abort())
    try {
      const tunnelled = this.#proxy && this.#upstream.protocol === 'https:'
      const socket = tunnelled
        ? await this.#tunnel(this.#proxy, over.signal)
        : await toHost(this.#proxy ?? this.#upstream, over.signal)
      socket.destroy()
    } catch {
      return !over.signal.aborted
    } finally {
      callOff()
    }
    return true
  }

  /** Closes the connections that no request uses. Running requests continue. */
  close(): void {
    this.#session?.close()
  }

  /** A tunnel through a proxy. @see https://datatracker.ietf.org/doc/html/rfc9110#section-9.3.6 */
  async #tunnel(proxy: URL, signal: AbortSignal): Promise<Socket> {
    const plain = await toHost(proxy, signal)
    // The client certificate is for the upstream alone.
    const { ca } = this.#tls
    const socket = proxy.protocol === 'https:' ? await secured(plain, proxy, ca ? { ca } : {}, signal) : plain
    const authority = `${this.#upstream.hostname}:${portOf(this.#upstream)}`
    const credentials = proxy.username === '' ? '' : `Proxy-Authorization: Basic ${basic(proxy)}\r\n`
    socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${credentials}\r\n`)
    const response = await firstLine(socket, signal)
    if (TUNNEL_OPEN.test(response)) return socket
    socket.destroy()
    throw new Error(`the proxy refused to open a tunnel: ${response.slice(0, 100)}`)
  }
}

function toHost(url: URL, signal: AbortSignal): Promise<Socket> {
  const socket = connectTcp({ host: hostOf(url), port: portOf(url) })
  socket.setNoDelay(true)
  return opened(socket, 'connect', signal)
}

async function secured(
  socket: Socket,
  url: URL,
  tls: { ca?: string; cert?: string; key?: string },
  signal: AbortSignal,
): Promise<Socket> {
  const host = hostOf(url)
  // An address cannot be a server name.
  const named = /^[\d.]+$|:/.test(host) ? {} : { servername: host }
  const secure = connectTls({ socket, host, ...named, ALPNProtocols: ['http/1.1'], ...tls })
  try {
    return await opened(secure, 'secureConnect', signal)
  } catch (error) {
    socket.destroy()
    throw error
  }
}

function opened(socket: Socket, event: 'connect' | 'secureConnect', signal: AbortSignal): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  socket.once(event, () => resolve(socket))
  socket.on('error', reject)
  socket.once('close', () => reject(new Error('the connection was closed')))
  return abortable(socket, signal, promise)
}

/** The first line of the proxy's response to `CONNECT`. In the tunnel the client speaks first, so nothing follows it. */
function firstLine(socket: Socket, signal: AbortSignal): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  let response = ''
  const take = (bytes: Buffer): void => {
    response += bytes.toString('latin1')
    if (!response.includes('\r\n\r\n') && response.length < MAX_PROXY_RESPONSE_BYTES) return
    socket.off('data', take)
    resolve(response.slice(0, response.indexOf('\r\n')))
  }
  socket.on('data', take)
  socket.once('close', () => reject(new Error('the proxy closed the connection')))
  return abortable(socket, signal, promise)
}

/**
 * Waits for an event of a socket. The socket is destroyed if the signal comes first.
 *
 * @param wait must fail when the socket is closed
 */
async function abortable<T>(socket: Socket, signal: AbortSignal, wait: Promise<T>): Promise<T> {
  const abort = (): void => void socket.destroy(new Error('aborted'))
  if (signal.aborted) abort()
  else signal.addEventListener('abort', abort)
  try {
    return await wait
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '')
}

function portOf(url: URL): number {
  return Number(url.port) || (url.protocol === 'https:' ? 443 : 80)
}

function basic({ username, password }: URL): string {
  return Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64')
}
