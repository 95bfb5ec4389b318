import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'bun:test'
import { serveProgram } from '../support/process.ts'

/** What a process got when it began. */
function environmentOf(pid: number): Map<string, string> {
  const words = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')
  return new Map(words.map((word) => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)]))
}

// Only Linux tells with what environment a process began.
test.skipIf(process.platform !== 'linux')(
  'serve gives the runtime what it reads at its beginning, and leaves what is set',
  async () => {
    const plain = await serveProgram('')
    const set = await serveProgram('', undefined, {
      under: ['env', 'BUN_CONFIG_MAX_HTTP_REQUESTS=300', 'MIMALLOC_PURGE_HOLES_MIN_INTERVAL=50'],
    })
    const read = [plain, set].map(({ pid }) => {
      const environment = environmentOf(pid)
      return [
        environment.get('BUN_CONFIG_MAX_HTTP_REQUESTS'),
        environment.get('MIMALLOC_PURGE_HOLES_MIN_INTERVAL'),
      ]
    })
    plain.remove()
    set.remove()
    expect(read).toEqual([
      ['65336', '10000'],
      ['300', '50'],
    ])
  },
)

test.skipIf(process.platform !== 'linux')(
  'a gateway with keys starts no thread but the recorder; the first query starts another',
  async () => {
    const key = 'a-key-of-the-test'
    const gateway = await serveProgram(
      `auth: {enabled: true, keys: [{id: test, token: ${key}, org_id: default, workspace_id: default, role: owner}]}`,
    )
    const threads = (): number =>
      readdirSync(`/proc/${gateway.pid}/task`).filter(
        (id) => readFileSync(`/proc/${gateway.pid}/task/${id}/comm`, 'utf8').trim() === 'Worker',
      ).length
    const before = threads()
    const headers = { 'X-OngoingAI-Gateway-Key': key }
    const traces = await fetch(`${gateway.url}/api/traces`, { headers })
    const after = threads()
    gateway.remove()
    expect([before, traces.status, after]).toEqual([1, 200, 2])
  },
)
