// Opens STREAMS streams at once and reads them to their end; prints what it saw as JSON.
import { connect } from 'node:net'

const [url = '', streams = '1', headers = '{}'] = process.argv.slice(2)
const target = new URL(`${url}/v1/chat/completions`)
const body = '{"model":"gpt-5.4-mini","stream":true,"messages":[{"role":"user","content":"Say hello."}]}'
const fields = Object.entries(JSON.parse(headers) as Record<string, string>)
const request = `POST ${target.pathname} HTTP/1.1\r\nHost: ${target.host}\r\nContent-Type: application/json\r\nAuthorization: Bearer sk-bench-0123456789\r\n${fields.map(([n, v]) => `${n}: ${v}\r\n`).join('')}Content-Length: ${body.length}\r\n\r\n${body}`

const firstMs: number[] = []
let events = 0
let complete = 0
let failed = 0
await Promise.all(
  Array.from(
    { length: Number(streams) },
    () =>
      new Promise<void>((resolve) => {
        const startedAt = performance.now()
        let first = true
        let tail = ''
        const socket = connect({ port: Number(target.port), host: target.hostname, noDelay: true }, () =>
          socket.write(request),
        )
        socket.on('data', (bytes) => {
          const text = bytes.toString('latin1')
          const found = text.split('data: ').length - 1
          if (first && found > 0) {
            first = false
            firstMs.push(performance.now() - startedAt)
          }
          events += found
          tail = (tail + text).slice(-64)
          if (!tail.endsWith('0\r\n\r\n') || !tail.includes('[DONE]')) return
          complete += 1
          socket.destroy()
          resolve()
        })
        socket.on('error', () => {})
        socket.on('close', () => {
          if (!tail.includes('[DONE]')) failed += 1
          resolve()
        })
      }),
  ),
)
firstMs.sort((a, b) => a - b)
const at = (share: number): number =>
  firstMs[Math.min(firstMs.length - 1, Math.floor(firstMs.length * share))] ?? -1
console.log(
  JSON.stringify({ events, complete, failed, firstP50: at(0.5), firstP99: at(0.99), firstMax: at(1) }),
)
