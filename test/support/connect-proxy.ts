import { createServer, type IncomingMessage, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { request as httpRequest } from 'node:http'
import { tlsFixture } from './tls-fixtures.ts'

/** A corporate proxy: the only one who can reach the upstream, under whatever name it is asked for. */
export interface ConnectProxy {
  readonly url: string
  readonly port: number
  /** Request lines and `Proxy-Authorization` of what it was asked for. */
  readonly asked: { readonly line: string; readonly credentials: string | undefined }[]
  /** What tunnels are answered with: 200 opens them; `silent` answers nothing. */
  answer: number | 'silent'
  stop(): void
}

/** @param upstreamPort where everything goes to; `secure` speaks TLS with its clients */
export async function startConnectProxy(upstreamPort: number, secure = false): Promise<ConnectProxy> {
  const server: Server = secure
    ? createTlsServer({ key: tlsFixture('server-key.pem'), cert: tlsFixture('server.pem') })
    : createServer()
  const sockets = new Set<Socket>()
  const proxy = {
    url: '',
    port: 0,
    asked: [] as ConnectProxy['asked'],
    answer: 200 as ConnectProxy['answer'],
    stop(): void {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
  const note = ({ method, url, headers }: IncomingMessage): void =>
    void proxy.asked.push({ line: `${method} ${url}`, credentials: headers['proxy-authorization'] })
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
  })
  server.on('request', (request, response) => {
    note(request)
    const { pathname, search } = new URL(request.url!)
    const { method, headers } = request
    const path = `${pathname}${search}`
    const onward = httpRequest({ host: '127.0.0.1', port: upstreamPort, method, path, headers }, (answer) => {
      response.writeHead(answer.statusCode!, answer.headers)
      answer.pipe(response)
    })
    onward.on('error', () => response.destroy())
    request.pipe(onward)
  })
  server.on('connect', (request: IncomingMessage, socket: Socket) => {
    note(request)
    if (proxy.answer === 'silent') return
    if (proxy.answer !== 200) {
      socket.end(`HTTP/1.1 ${proxy.answer} No\r\nContent-Length: 0\r\n\r\n`)
      return
    }
    const onward = connect(upstreamPort, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      onward.pipe(socket)
      socket.pipe(onward)
    })
    onward.on('error', () => socket.destroy()).on('close', () => socket.destroy())
    socket.on('error', () => onward.destroy()).on('close', () => onward.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  proxy.port = (server.address() as AddressInfo).port
  proxy.url = `${secure ? 'https://localhost' : 'http://127.0.0.1'}:${proxy.port}`
  return proxy
}
