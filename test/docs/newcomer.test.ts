import { afterAll, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { PROGRAM } from '../support/program.ts'
import { respondJson, Upstream } from '../support/upstream.ts'

setDefaultTimeout(60_000)

// The section of the quickstart, followed by somebody who has nothing but the program and an empty folder. The file is the page's; only where the
// two providers are is the test's.

const PAGE = readFileSync(join(import.meta.dir, '../../docs/quickstart.md'), 'utf8')
const SECTION = PAGE.split(/^## /m).find((text) => text.startsWith('Two providers behind one name'))!

/** The blocks of a language in the section, in their order. */
function blocks(language: string): string[] {
  return [...SECTION.matchAll(/^```(\w+)\n([^]*?)^```$/gm)]
    .filter((match) => match[1] === language)
    .map((match) => match[2]!)
}

const stops: (() => unknown)[] = []
afterAll(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

async function provider(name: string): Promise<Upstream> {
  const upstream = await Upstream.start(
    respondJson({
      id: 'chatcmpl-1',
      model: name,
      choices: [{ index: 0, message: { role: 'assistant', content: 'Hello.' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 12, completion_tokens: 3, total_tokens: 15 },
    }),
  )
  stops.push(() => upstream.stop())
  return upstream
}

// A machine without a shell or curl has no use for it.
const SHELL = Bun.which('bash') !== null && Bun.which('curl') !== null

test.if(SHELL)('two providers behind one name: the call survives the death of the first one', async () => {
  const [openai, groq] = [await provider('first'), await provider('second')]
  const folder = mkdtempSync(join(tmpdir(), 'ongoingai-newcomer-'))
  stops.push(() => rmSync(folder, { recursive: true, force: true }))
  const [file = ''] = blocks('yaml')
  expect(file.trim().split('\n').length).toBeLessThanOrEqual(10)
  writeFileSync(
    join(folder, 'ongoingai.yaml'),
    file
      .replace('openai: {', `openai: { upstream: "${openai.url}",`)
      .replace('groq: {', `groq: { upstream: "${groq.url}",`),
  )
  const port = await freePort()
  const environment = {
    PATH: `${folder}${delimiter}${process.env['PATH'] ?? ''}`,
    HOME: folder,
    ONGOINGAI_PORT: String(port),
    OPENAI_API_KEY: 'sk-newcomer-openai-0123456789',
    GROQ_API_KEY: 'gsk-newcomer-groq-0123456789',
  }
  const program = PROGRAM.map((word) => `'${word}'`).join(' ')
  writeFileSync(join(folder, 'ongoingai'), `#!/bin/sh\nexec ${program} "$@"\n`, { mode: 0o755 })
  const sh = async (text: string, more: Record<string, string> = {}): Promise<string> => {
    const child = Bun.spawn(
      ['bash', '-euo', 'pipefail', '-c', text.replaceAll('127.0.0.1:8080', `127.0.0.1:${port}`)],
      { cwd: folder, env: { ...environment, ...more }, stdout: 'pipe', stderr: 'pipe' },
    )
    const [out, err] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ])
    expect([await child.exited, err]).toEqual([0, expect.any(String)])
    return out
  }

  const [create = '', serve = '', call = ''] = blocks('sh')
  const token = /ogk_[\w-]+/.exec(await sh(create))![0]
  expect(serve.trim()).toBe('ongoingai serve')
  const serving = Bun.spawn([...PROGRAM, 'serve'], {
    cwd: folder,
    env: environment,
    stdout: 'ignore',
    stderr: 'ignore',
  })
  stops.push(async () => {
    serving.kill('SIGTERM')
    await serving.exited
  })
  await eventually(() =>
    fetch(`http://127.0.0.1:${port}/api/ready`).then(
      ({ ok }) => ok,
      () => false,
    ),
  )
  const withKey = { ONGOINGAI_GATEWAY_KEY: token }
  expect(await sh(call, withKey)).toContain('"model":"first"')
  expect(JSON.parse(openai.last.body.toString())).toMatchObject({ model: 'gpt-5.4-mini' })
  expect(openai.last.field('authorization')).toBe('Bearer sk-newcomer-openai-0123456789')

  await openai.stop()
  const said = await sh(call, withKey)
  expect(said).toContain('"model":"second"')
  expect(said).toMatch(/openai\/gpt-5\.4-mini.*open/)
  expect(JSON.parse(groq.last.body.toString())).toMatchObject({ model: 'openai/gpt-oss-120b' })
  expect(groq.last.field('authorization')).toBe('Bearer gsk-newcomer-groq-0123456789')
})
