import { expect, test } from 'bun:test'
import { timeOutFailure } from './time-out-failure.ts'

test.each([
  ['upstream_connect_timeout', 'upstream did not accept a connection in time', '1 ms', 'connect_ms'],
  ['upstream_first_byte_timeout', 'upstream did not answer in time', '2 ms', 'first_byte_ms'],
  ['upstream_idle_timeout', 'upstream or client was silent for too long', '3 ms', 'idle_ms'],
  ['upstream_total_timeout', 'the exchange took too long', '4 ms', 'total_ms'],
] as const)('%s names the host, the time and the setting', (code, text, time, setting) => {
  const timeouts = { connectMs: 1, firstByteMs: 2, idleMs: 3, totalMs: 4 }
  const url = 'https://user:secret@api.example.com:8443/v1?key=secret'
  expect(timeOutFailure(code, { url, name: 'example', timeouts })).toBe(
    `${text}: api.example.com:8443: longer than ${time} (providers.example.timeouts.${setting})`,
  )
})
