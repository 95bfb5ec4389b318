import { expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadConfig } from '../../src/config/load.ts'
import { switchedOff } from '../../src/cli/switched-off.ts'

function offOf(settings: string): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'ongoingai-off-'))
  try {
    const path = join(folder, 'ongoingai.yaml')
    writeFileSync(path, settings)
    return switchedOff(loadConfig(path, {}).config)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

test('what is off is read from the settings', () => {
  expect(offOf('')).toEqual([
    'gateway keys (anyone who reaches the port may use it)',
    'body capture',
    'limits',
    'redaction',
    'telemetry',
  ])
  expect(
    offOf(`auth: {enabled: true}
tracing: {capture_bodies: true}
limits: {policies: [{name: all, per: key, requests_per_minute: 60}]}
pii: {mode: block}
observability: {otel: {enabled: true, prometheus_enabled: true}}
`),
  ).toEqual([])
  expect(offOf('limits: {per_key: {requests_per_minute: 60}}\n')).not.toContain('limits')
})
