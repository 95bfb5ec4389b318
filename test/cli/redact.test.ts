import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runProgram, serveProgram } from '../support/process.ts'
import { respondJson, Upstream } from '../support/upstream.ts'

const folder = mkdtempSync(join(tmpdir(), 'ongoingai-redact-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const run = (input: string, ...words: string[]): ReturnType<typeof runProgram> =>
  runProgram(['redact', ...words], { cwd: folder, input })

test('a text: what was found, where, and what would stand there; nothing is written', async () => {
  writeFileSync(
    join(folder, 'ongoingai.yaml'),
    'pii: {mode: block, replacement: {hash_salt: s, format: "<{type}>"}}\n',
  )
  expect(await run('Call (415) 555-1212\nor mail alice@example.com')).toEqual({
    status: 0,
    err: '',
    out: `Policy default/v1, mode block: request block, response pass, stored redacted.
2 values found.

PLACE  LENGTH  FOUND BY  REPLACED WITH
1:6    14      phone     <PHONE>
2:9    17      email     <EMAIL>

Call <PHONE>
or mail <EMAIL>
`,
  })
  expect(readdirSync(folder)).toEqual(['ongoingai.yaml'])
})

test('a body as JSON, with places of the text; streams and forms by their type', async () => {
  const body = '{"é":"x","password":"p","to":["a\\u0040b.com"]}'
  const { out } = await run(body, '--format', 'json')
  const told = JSON.parse(out) as { finds: { start: number; end: number }[] }
  expect(told).toMatchObject({
    schema_version: 'redact.v1',
    media_type: 'application/json',
    counts: { field_name: 1, email: 1 },
    content: '{"é":"x","password":"<FIELD>","to":["<EMAIL>"]}',
  })
  expect(told.finds.map(({ start, end }) => body.slice(start, end))).toEqual(['p', 'a\\u0040b.com'])

  const event = (text: string): string =>
    `data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"${text}"}}\n\n`
  const streamed = await run(event('alice@') + event('example.com'), '--format', 'json')
  expect(JSON.parse(streamed.out)).toMatchObject({
    media_type: 'text/event-stream',
    content: event('<EMAIL>') + event(''),
    counts: { email: 1 },
  })
  const opaque = await run('bytes', '--type', 'image/png')
  expect(opaque).toMatchObject({
    status: 1,
    err: 'it cannot be looked into: image/png cannot be looked into\n',
  })
})

test('policies by their names; wrong calls', async () => {
  writeFileSync(
    join(folder, 'ongoingai.yaml'),
    'pii: {mode: block, replacement: {hash_salt: s}, scopes: [{match: {org_id: a}, mode: "off", policy_id: a/v1}]}\n',
  )
  expect((await run('x', '--policy', 'a/v1')).out).toStartWith(
    'Policy a/v1, mode off: request pass, response pass, stored as it is.',
  )
  expect(await run('x', '--policy', 'b')).toEqual({
    status: 2,
    out: '',
    err: 'no policy "b": there is default/v1, a/v1\n',
  })
  expect((await run('x', 'file')).status).toBe(2)
  writeFileSync(join(folder, 'ongoingai.yaml'), 'pii: {detectors: {custom: [{name: x, pattern: "(a"}]}}\n')
  expect(await run('x')).toMatchObject({
    status: 1,
    err: expect.stringContaining('pii.detectors.custom[0].pattern cannot be used') as string,
  })
})

test('placeholders are those of the gateway, once it has made its key; the key is its owner’s alone', async () => {
  const upstream = await Upstream.start(respondJson({}))
  const gateway = await serveProgram(
    `storage: {path: ./data/g.db}\npii: {mode: redact_upstream}\nproviders: {openai: {upstream: "${upstream.url}"}}\n`,
  )
  try {
    await fetch(`${gateway.url}/openai/v1/chat/completions`, {
      method: 'POST',
      body: '{"to":"alice@example.com"}',
    })
    const sent = upstream.last.body.toString()
    const { out, err } = await runProgram(['redact', '--format', 'json'], {
      cwd: gateway.folder,
      input: '{"to":"alice@example.com"}',
    })
    expect([JSON.parse(out), err]).toEqual([expect.objectContaining({ content: sent }), ''])
    const file = join(gateway.folder, 'data', 'redaction.key')
    expect([statSync(file).mode & 0o777, readFileSync(file, 'utf8')]).toEqual([
      0o600,
      expect.stringMatching(/^[0-9a-f]{64}\n$/),
    ])
    // Another line before it, and values have other placeholders.
    writeFileSync(file, `${'0123456789abcdef'.repeat(4)}\n${readFileSync(file, 'utf8')}`)
    const after = await runProgram(['redact', '--format', 'json'], {
      cwd: gateway.folder,
      input: '{"to":"alice@example.com"}',
    })
    expect((JSON.parse(after.out) as { content: string }).content).toMatch(
      /^\{"to":"\[EMAIL_REDACTED:\w{16}\]"\}$/,
    )
    expect((JSON.parse(after.out) as { content: string }).content).not.toBe(sent)
  } finally {
    gateway.kill('SIGTERM')
    await gateway.exited()
    gateway.remove()
    await upstream.stop()
  }
})
