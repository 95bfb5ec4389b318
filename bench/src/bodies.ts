import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStorage } from '../../src/storage/open-storage.ts'
import { cutBody } from '../../src/storage/bodies/chunks.ts'
import { traceCorpus } from './trace-corpus.ts'

const TURNS = 60

/** What bodies of a coding agent's session take in the store, beside their size and beside compressing each alone. */
export async function bodies(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'ongoingai-bodies-'))
  const storage = await openStorage({ driver: 'sqlite', path: join(folder, 'bodies.db') }, 'write')
  try {
    const traces = traceCorpus(TURNS)
    const requests = agentSession()
    let [raw, gzip, zstd] = [0, 0, 0]
    for (const request of requests) {
      const { value } = traces.next()
      if (!value) break
      raw += request.length
      gzip += Bun.gzipSync(new Uint8Array(request)).length
      zstd += Bun.zstdCompressSync(request).length
      await storage.write([{ ...value, organizationId: 'o', workspaceId: 'w', requestBody: request }])
    }
    const { bodyBytes } = await storage.maintenance().counters()
    console.log(`${TURNS} turns of a coding agent, ${(raw / 1e6).toFixed(2)} MB of request bodies`)
    const share = (bytes: number): string => `${(bytes / 1e6).toFixed(2)} MB, 1 : ${(raw / bytes).toFixed(1)}`
    console.log(`each compressed alone: gzip ${share(gzip)}; zstd ${share(zstd)}`)
    console.log(`in the store, chunks once and compressed: ${share(bodyBytes)}`)
    const last = requests.at(-1)!
    const startedAt = performance.now()
    for (let i = 0; i < 20; i++) cutBody(last)
    const ms = (performance.now() - startedAt) / 20
    console.log(`cutting and hashing: ${(last.length / ms / 1000).toFixed(0)} MB/s`)
    const read = performance.now()
    const { items } = await storage
      .everywhere()
      .wholeTraces({}, { limit: TURNS, order: 'arrival', bodies: true })
    if (!items.every((trace, i) => Buffer.compare(trace.requestBody!, requests[i]!) === 0)) {
      throw new Error('a body came back changed')
    }
    console.log(`read back and compared: ${(performance.now() - read).toFixed(0)} ms for all`)
  } finally {
    await storage.close()
    rmSync(folder, { recursive: true })
  }
}

/**
 * Requests as Claude Code sends them: instructions and tools first, then the conversation so far, with the mark of the prompt
 * cache on the last two messages, so that a little before the end changes each time. Tool results are files of this repository.
 */
function agentSession(): Buffer[] {
  const files = [...new Bun.Glob('src/**/*.ts').scanSync(join(import.meta.dir, '../..'))].sort()
  const text = (i: number): string => {
    const file = files[(i * 7) % files.length]!
    return new TextDecoder().decode(Bun.mmap(join(import.meta.dir, '../..', file))).slice(0, 9000)
  }
  const system = Array.from({ length: 6 }, (_, i) => `${text(i)}\n${text(i + 50)}`)
    .join('\n')
    .slice(0, 45_000)
  const tools = Array.from({ length: 15 }, (_, i) => ({
    name: `tool_${i}`,
    description: text(i + 100).slice(0, 1500),
    input_schema: { type: 'object', properties: { path: { type: 'string' }, text: { type: 'string' } } },
  }))
  const messages: { role: string; content: Record<string, unknown>[] }[] = [
    {
      role: 'user',
      content: [{ type: 'text', text: 'Find out why the recorder loses a trace, and mend it.' }],
    },
  ]
  return Array.from({ length: TURNS }, (_, turn) => {
    const marked = messages.map((message, i) =>
      i >= messages.length - 2
        ? {
            ...message,
            content: message.content.map((part) => ({ ...part, cache_control: { type: 'ephemeral' } })),
          }
        : message,
    )
    const request = {
      model: 'claude-sonnet-5',
      max_tokens: 32_000,
      stream: true,
      system,
      tools,
      messages: marked,
    }
    messages.push({
      role: 'assistant',
      content: [
        { type: 'text', text: `Let me look at the next file (${turn}).` },
        {
          type: 'tool_use',
          id: `toolu_${turn}`,
          name: 'read_file',
          input: { path: files[(turn * 7) % files.length] },
        },
      ],
    })
    messages.push({
      role: 'user',
      content: [{ type: 'tool_result', tool_use_id: `toolu_${turn}`, content: text(turn) }],
    })
    return Buffer.from(JSON.stringify(request))
  })
}
