// Streams Chat Completions events to every request: `bun stream-upstream.ts EVENTS INTERVAL_MS`.
import { createServer, type Socket } from 'node:net'
import { UPSTREAM_PORT } from './peers.ts'

const events = Number(process.argv[2])
const intervalMs = Number(process.argv[3])
const chunk = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`
const HEAD =
  'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nx-request-id: req_bench\r\nTransfer-Encoding: chunked\r\n\r\n'
const EVENT = chunk(
  `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1790000000,"model":"gpt-5.4-mini-2026-03-17","service_tier":"default","choices":[{"index":0,"delta":{"content":" token"},"finish_reason":null}],"usage":null,"obfuscation":"abcdefgh"}\n\n`,
)
const END =
  chunk(
    `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1790000000,"model":"gpt-5.4-mini-2026-03-17","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}\n\n`,
  ) +
  chunk(
    `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1790000000,"model":"gpt-5.4-mini-2026-03-17","choices":[],"usage":{"prompt_tokens":21,"completion_tokens":${events},"total_tokens":${21 + events}}}\n\n`,
  ) +
  chunk('data: [DONE]\n\n') +
  '0\r\n\r\n'

const live = new Map<Socket, number>()
setInterval(() => {
  for (const [socket, sent] of live) {
    if (sent < events) {
      socket.write(EVENT)
      live.set(socket, sent + 1)
    } else {
      live.delete(socket)
      socket.write(END)
    }
  }
}, intervalMs)

createServer({ noDelay: true }, (socket) => {
  let request = ''
  socket.on('error', () => live.delete(socket))
  socket.on('close', () => live.delete(socket))
  socket.on('data', (bytes) => {
    request += bytes.toString('latin1')
    const head = request.indexOf('\r\n\r\n')
    if (head < 0) return
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(request)?.[1] ?? 0)
    if (request.length < head + 4 + length) return
    const get = request.startsWith('GET')
    request = ''
    if (get) return void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
    socket.write(HEAD)
    live.set(socket, 0)
    return undefined
  })
}).listen({ port: UPSTREAM_PORT, host: '127.0.0.1', backlog: 4096 })
