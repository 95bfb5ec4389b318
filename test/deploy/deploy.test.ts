import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { Glob } from 'bun'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse } from 'yaml'
import { loadConfig } from '../../src/config/load.ts'
import { openGateway, providersAt } from '../support/gateway.ts'
import { runProgram, serveProgram } from '../support/process.ts'
import { stream, Upstream } from '../support/upstream.ts'

setDefaultTimeout(30_000)

const ROOT = join(import.meta.dir, '../..')

interface Rule {
  readonly alert: string
  readonly expr: string
  readonly annotations: { readonly summary: string; readonly runbook_url: string }
}

const rules = (
  parse(readFileSync(join(ROOT, 'deploy/prometheus/rules.yaml'), 'utf8')) as { groups: { rules: Rule[] }[] }
).groups.flatMap((group) => group.rules)
const dashboards = [...new Glob('*.json').scanSync(join(ROOT, 'deploy/grafana'))].map((name) => ({
  name,
  board: JSON.parse(readFileSync(join(ROOT, 'deploy/grafana', name), 'utf8')) as {
    uid: string
    title: string
    panels: { title: string; targets: { expr: string }[] }[]
  },
}))

/** Names of the metrics in an expression. */
function metricsOf(expression: string): string[] {
  return (
    expression
      .replaceAll(/\bby \([^)]*\)/g, '')
      .match(/\b(?:ongoingai|gen_ai|process)_[a-z0-9_]+(?=[[{\s)]|$)/g) ?? []
  )
}

test('dashboards and alerts ask only for metrics that a gateway has', async () => {
  const upstream = await Upstream.start(
    stream(
      [
        'data: {"id":"c","model":"gpt-5.4-mini","choices":[{"index":0,"delta":{"content":"Hi"}}]}\n\n',
        'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}\n\n',
        'data: [DONE]\n\n',
      ],
      { between: () => Bun.sleep(5) },
    ),
  )
  const gateway = await openGateway(
    `${providersAt(upstream.url)}observability: {otel: {enabled: true, traces_enabled: false, metrics_enabled: false, prometheus_enabled: true}}\n`,
  )
  try {
    await (
      await fetch(`${gateway.url}/openai/v1/chat/completions`, {
        method: 'POST',
        body: '{"model":"gpt-5.4-mini","stream":true}',
      })
    ).text()
    await gateway.traces(1)
    const text = await (await fetch(`${gateway.url}/metrics`)).text()
    const known = new Set([...text.matchAll(/^([a-z_0-9]+)(?:\{| )/gm)].map(([, name]) => name!))
    const expressions = [
      ...rules.map(({ expr }) => expr),
      ...dashboards.flatMap(({ board }) =>
        board.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
      ),
    ]
    expect(expressions.length).toBeGreaterThan(40)
    for (const expression of expressions) {
      const names = metricsOf(expression)
      expect([expression, names.length > 0, names.filter((name) => !known.has(name))]).toEqual([
        expression,
        true,
        [],
      ])
    }
  } finally {
    await gateway.stop()
    await upstream.stop()
  }
})

test('every alert says what to do, in a section that there is', () => {
  const page = readFileSync(join(ROOT, 'docs/operations.md'), 'utf8')
  const sections = new Set(
    [...page.matchAll(/^## (.+)$/gm)].map(([, title]) => title!.toLowerCase().replaceAll(' ', '-')),
  )
  for (const { alert, annotations } of rules) {
    expect([alert, sections.has(annotations.runbook_url.split('#')[1]!)]).toEqual([alert, true])
  }
})

test('dashboards have ids of their own, and promtool accepts the rules', () => {
  expect(dashboards.map(({ name }) => name).sort()).toEqual([
    'cost.json',
    'latency.json',
    'overview.json',
    'pipeline.json',
  ])
  expect(new Set(dashboards.map(({ board }) => board.uid)).size).toBe(4)
  const promtool = Bun.which('promtool')
  if (!promtool) return
  const checked = Bun.spawnSync([promtool, 'check', 'rules', join(ROOT, 'deploy/prometheus/rules.yaml')])
  expect([checked.exitCode, checked.stderr.toString()]).toEqual([0, ''])
  expect(checked.stdout.toString()).toContain(`${rules.length} rules found`)
})

describe('what is run elsewhere', () => {
  const text = (name: string): string => readFileSync(join(ROOT, name), 'utf8')

  test('the gateway of compose.yaml has a configuration that is right, and files that there are', () => {
    const { services } = parse(text('compose.yaml')) as {
      services: Record<string, { volumes?: string[]; ports?: string[]; environment?: Record<string, string> }>
    }
    expect(services['gateway']?.environment).toEqual({ ONGOINGAI_ALLOW_OPEN: 'true' })
    for (const { volumes = [], ports = [] } of Object.values(services)) {
      for (const volume of volumes) {
        const [from] = volume.split(':')
        if (from!.startsWith('.')) expect([from, existsSync(join(ROOT, from!))]).toEqual([from, true])
      }
      for (const port of ports) expect(port).toStartWith('127.0.0.1:')
    }
    const { config } = loadConfig(join(ROOT, 'deploy/compose/ongoingai.yaml'), { ONGOINGAI_HOST: '0.0.0.0' })
    expect([
      config.storage.driver,
      config.limits.backend,
      config.prometheus.enabled,
      config.prometheus.adminAddress,
      config.auth.enabled,
      config.server.allowedHosts,
    ]).toEqual(['postgres', 'redis', true, '0.0.0.0:9464', false, ['gateway']])
    expect(text('deploy/prometheus/prometheus.yaml')).toContain('gateway:9464')
  })

  test('the container has an executable, a folder, a health check, and nobody’s rights', () => {
    const last = text('Dockerfile')
      .split(/^FROM /m)
      .at(-1)!
    for (const line of [
      'USER 65532:65532',
      'ENV ONGOINGAI_CONTAINER=true',
      'ONGOINGAI_HOST=0.0.0.0',
      'VOLUME /data',
      '"/usr/local/bin/ongoingai", "health"',
      'CMD ["serve"]',
    ])
      expect(last).toContain(line)
    expect(last).not.toContain('RUN ')
  })

  test.skipIf(Bun.which('systemd-analyze') === null)('systemd takes the unit', () => {
    const folder = mkdtempSync(join(tmpdir(), 'ongoingai-unit-'))
    try {
      // The executable need not be there for the unit to be right.
      const unit = join(folder, 'ongoingai.service')
      writeFileSync(
        unit,
        text('deploy/systemd/ongoingai.service')
          .replace('/usr/local/bin/ongoingai', '/bin/true')
          .replaceAll('#LoadCredential', 'LoadCredential'),
      )
      const checked = Bun.spawnSync(['systemd-analyze', 'verify', '--recursive-errors=no', unit])
      // What it says of other units is none of ours.
      const said = checked.stderr
        .toString()
        .split('\n')
        .filter((line) => line.includes('ongoingai'))
      expect([checked.exitCode, said]).toEqual([0, []])
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  test('a secret that the service is lent is read as the unit says', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ongoingai-credentials-'))
    try {
      writeFileSync(join(folder, 'token'), 'lent-token-0123456789abcdef\n')
      const gateway = await serveProgram(
        "auth: {enabled: true, keys: [{id: lent, token_file: '${env:CREDENTIALS_DIRECTORY}/token', role: viewer}]}\n",
        undefined,
        { env: { CREDENTIALS_DIRECTORY: folder } },
      )
      const { status } = await fetch(`${gateway.url}/api/analytics/summary`, {
        headers: { 'X-OngoingAI-Gateway-Key': 'lent-token-0123456789abcdef' },
      })
      expect(status).toBe(200)
      gateway.remove()
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  test('health: a gateway that runs, one that does not', async () => {
    const gateway = await serveProgram('storage: {path: ./data/h.db}\nobservability: {log_format: text}\n')
    try {
      const good = await runProgram(['health'], { cwd: gateway.folder })
      expect(gateway.output()).toMatch(/^\S+ INFO  startup banner version=/)
      expect([good.status, good.out]).toEqual([0, `${gateway.url}/api/ready takes requests\n`])
    } finally {
      gateway.kill('SIGTERM')
      await gateway.exited()
    }
    expect(await runProgram(['health'], { cwd: gateway.folder })).toEqual({
      status: 1,
      out: '',
      err: `failed to read health: no gateway answers at ${gateway.url}; \`ongoingai serve\` starts one, --base-url names another\n`,
    })
    expect(await runProgram(['health', 'x'], { cwd: gateway.folder })).toMatchObject({ status: 2 })
    gateway.remove()
  })
})
