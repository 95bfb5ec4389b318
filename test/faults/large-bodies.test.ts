import { expect, test } from 'bun:test'
import { createServer } from 'node:net'
import { serveProgram } from '../support/process.ts'
import { RawClient } from '../support/raw-client.ts'
import { eventually } from '../support/eventually.ts'

const SIZE = 300_000_000
const BLOCK = Buffer.alloc(1_000_000, 'x')

test('a large upload into a slow sink and a large answer to a slow reader pass with back-pressure, not memory', async () => {
  let received = 0
  const server = createServer((socket) => {
    let head = ''
    let begun = false
    socket.on('error', () => {})
    socket.on('data', (bytes: Buffer) => {
      if (!begun) {
        head += bytes.toString('latin1')
        const end = head.indexOf('\r\n\r\n')
        if (end < 0) return
        begun = true
        received += head.length - end - 4
        if (head.startsWith('GET')) {
          socket.write(
            `HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: ${SIZE}\r\n\r\n`,
          )
          let sent = 0
          const more = (): void => {
            while (sent < SIZE) {
              sent += BLOCK.length
              if (!socket.write(BLOCK)) {
                socket.once('drain', more)
                return
              }
            }
          }
          more()
        }
      } else received += bytes.length
      if (!head.startsWith('POST')) return
      if (received >= SIZE)
        socket.end('HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok')
      // Slower than loopback: the sender must be held back.
      socket.pause()
      setTimeout(() => socket.resume(), 1)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const gateway = await serveProgram(`providers: {openai: {upstream: "http://127.0.0.1:${port}"}}\n`)
  const gatewayPort = Number(new URL(gateway.url).port)
  let highest = 0
  const watch = setInterval(() => (highest = Math.max(highest, gateway.residentBytes())), 20)
  const before = gateway.residentBytes()

  const upload = await RawClient.open(gatewayPort)
  upload.send(`POST /openai/v1/files HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${SIZE}\r\n\r\n`)
  for (let sent = 0; sent < SIZE; sent += BLOCK.length) {
    if (!upload.socket.write(BLOCK))
      await new Promise<void>((resolve) => upload.socket.once('drain', () => resolve()))
  }
  await eventually(() => upload.text.endsWith('ok'), 60_000)
  upload.close()
  expect(received).toBe(SIZE)

  const response = await fetch(`${gateway.url}/openai/v1/files/x`)
  let size = 0
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    size += chunk.length
    if (size % 7 === 0) await Bun.sleep(1)
  }
  expect(size).toBe(SIZE)
  clearInterval(watch)
  expect(highest - before).toBeLessThan(120_000_000)
  gateway.remove()
  server.close()
}, 120_000)
