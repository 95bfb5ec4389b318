import Ajv from 'ajv'
import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse, parseAllDocuments, stringify } from 'yaml'
import { loadConfig } from '../../src/config/load.ts'
import { installTestPackage } from '../support/test-package.ts'

setDefaultTimeout(120_000)

// The Helm chart is rendered by helm, or by what helm is made of (`test/helm/render.go`), and held to Kubernetes' own schemas. It was never
// run in a cluster by these tests.

const ROOT = join(import.meta.dir, '../..')
const CHART = join(ROOT, 'deploy/helm/ongoingai')

type Values = Readonly<Record<string, unknown>>
interface Resource {
  readonly kind: string
  readonly apiVersion: string
  readonly metadata: { readonly name: string }
  readonly spec: Readonly<Record<string, unknown>>
  readonly data?: Readonly<Record<string, string>>
}

const values = parse(readFileSync(join(CHART, 'values.yaml'), 'utf8')) as Values
const schema = JSON.parse(readFileSync(join(CHART, 'values.schema.json'), 'utf8')) as object
const valid = new Ajv({ allErrors: true, allowUnionTypes: true }).compile(schema)

test('the values are those of the schema, and a misspelt one is reported', () => {
  expect([valid(values), valid.errors]).toEqual([true, null])
  for (const wrong of [
    { replicas: 0 },
    { databse: {} },
    { database: { secretName: '', key: 'dsn' } },
    { image: { repository: 'x', digest: 'latest' } },
    { service: { type: 'ExternalName' } },
  ])
    expect([wrong, valid({ ...values, ...wrong })]).toEqual([wrong, false])
})

test('the chart is of this version', () => {
  const chart = parse(readFileSync(join(CHART, 'Chart.yaml'), 'utf8')) as Values
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }
  expect([chart['version'], chart['appVersion']]).toEqual([version, version])
})

const helm = Bun.which('helm')
const go = Bun.which('go')
const sprig = '/usr/share/gocode/src/github.com/Masterminds/sprig'

/** @returns the resources, or what the renderer said against the values */
function render(changed: Values): Resource[] | string {
  const folder = mkdtempSync(join(tmpdir(), 'ongoingai-chart-'))
  try {
    const file = join(folder, 'values.yaml')
    writeFileSync(file, stringify(changed))
    const words = helm
      ? [helm, 'template', 'gw', CHART, '--namespace', 'ai', '--values', file]
      : [go!, 'run', join(ROOT, 'test/helm/render.go'), CHART, 'gw', 'ai', file]
    const { exitCode, stdout, stderr } = Bun.spawnSync(words, {
      env: { ...process.env, GO111MODULE: 'off', GOPATH: '/usr/share/gocode', GOFLAGS: '' },
    })
    if (exitCode !== 0) return stderr.toString()
    return parseAllDocuments(stdout.toString())
      .map((document) => document.toJS() as Resource | null)
      .filter((resource) => resource !== null)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

// Rendered where there is helm, or Go with sprig as Debian has it.
const renders = helm !== null || (go !== null && existsSync(sprig))
const models = renders ? await installTestPackage('helm') : ''
describe.if(renders)('rendered', () => {
  const everything: Values = {
    autoscaling: { enabled: true },
    redis: { secretName: 'redis' },
    redactionKey: { secretName: 'redaction' },
    metrics: { serviceMonitor: { enabled: true, labels: { release: 'prometheus' } } },
    service: { type: 'LoadBalancer', annotations: { a: 'b' } },
    networkPolicy: { from: [{ ipBlock: { cidr: '10.0.0.0/8' } }] },
    imagePullSecrets: [{ name: 'pull' }],
    podAnnotations: { c: 'd' },
    podLabels: { e: 'f' },
    nodeSelector: { g: 'h' },
    tolerations: [{ key: 'i', operator: 'Exists' }],
    extraEnv: [{ name: 'ONGOINGAI_CAPTURE_BODIES', value: 'true' }],
    allowOpen: true,
    extraVolumes: [{ name: 'tokens', secret: { secretName: 'tokens' } }],
    extraVolumeMounts: [{ name: 'tokens', mountPath: '/etc/tokens', readOnly: true }],
    shutdownTimeoutMs: 3_600_000,
    config: {
      auth: { header: 'X-Key' },
      providers: { local: { upstream: 'http://ollama:11434', prefix: '/local' } },
    },
  }

  test.each([
    ['as it comes', {}],
    ['with everything', everything],
    [
      'with little',
      {
        metrics: { enabled: false },
        networkPolicy: { enabled: false },
        podDisruptionBudget: { enabled: false },
      },
    ],
  ])(
    '%s: Kubernetes has nothing to say against it, and the gateway takes its settings',
    async (_, changed) => {
      const resources = render(changed)
      if (typeof resources === 'string') throw new Error(resources)
      for (const resource of resources) await validate(resource)
      const config = settingsOf(resources)
      expect([config.storage.driver, config.auth.enabled, config.server.host]).toEqual([
        'postgres',
        true,
        '0.0.0.0',
      ])
    },
  )

  test('what Kubernetes would refuse is reported', async () => {
    const deployment = (render({}) as Resource[]).find(({ kind }) => kind === 'Deployment')!
    const spec = { ...deployment.spec, replicas: 'two' }
    expect(validate({ ...deployment, spec })).rejects.toThrow('replicas')
  })

  test('as it comes it is closed: within the cluster, with keys, without rights, without secrets of its own', () => {
    const resources = render({}) as Resource[]
    expect(resources.map(({ kind }) => kind).sort()).toEqual([
      'ConfigMap',
      'Deployment',
      'NetworkPolicy',
      'PodDisruptionBudget',
      'Service',
      'Service',
      'ServiceAccount',
    ])
    for (const { kind, spec } of resources) if (kind === 'Service') expect(spec['type']).toBe('ClusterIP')
    const text = JSON.stringify(resources.find(({ kind }) => kind === 'Deployment'))
    for (const part of [
      '"runAsNonRoot":true',
      '"readOnlyRootFilesystem":true',
      '"allowPrivilegeEscalation":false',
      '"drop":["ALL"]',
      '"automountServiceAccountToken":false',
      '"secretName":"ongoingai-database"',
      '"secretName":"ongoingai-pepper"',
    ])
      expect(text).toContain(part)
  })

  test('everything arrives: settings laid over, numbers whole, time to go', () => {
    const resources = render(everything) as Resource[]
    const config = settingsOf(resources)
    expect([config.auth.header, config.limits.backend, config.server.shutdownTimeoutMs]).toEqual([
      'x-key',
      'redis',
      3_600_000,
    ])
    expect(config.providers.map(({ name }) => name)).toContain('local')
    const kinds = new Set(resources.map(({ kind }) => kind))
    expect([kinds.has('HorizontalPodAutoscaler'), kinds.has('ServiceMonitor')]).toEqual([true, true])
    const { spec } = resources.find(({ kind }) => kind === 'Deployment')!
    expect(spec).not.toHaveProperty('replicas')
    expect(JSON.stringify(spec)).toContain('"terminationGracePeriodSeconds":3625')
  })

  test('gateways without keys are refused, unless that is allowed; then they know their own names', () => {
    const off = { config: { auth: { enabled: false } } }
    expect(render(off)).toContain('whoever reaches the gateways could use them')
    const resources = render({ ...off, allowOpen: true }) as Resource[]
    const { server, auth } = settingsOf(resources)
    expect([auth.enabled, server.allowedHosts.slice(0, 4)]).toEqual([
      false,
      ['gw-ongoingai', 'gw-ongoingai.ai', 'gw-ongoingai.ai.svc', 'gw-ongoingai.ai.svc.cluster.local'],
    ])
    expect(server.allowedHosts).toContain('gw-ongoingai-metrics.ai.svc')
    const deployment = resources.find(({ kind }) => kind === 'Deployment')
    expect(JSON.stringify(deployment)).toContain('{"name":"ONGOINGAI_ALLOW_OPEN","value":"true"}')
    expect(JSON.stringify(render({}))).not.toContain('ONGOINGAI_ALLOW_OPEN')
  })

  test('several gateways on SQLite are refused', () => {
    expect(render({ config: { storage: { driver: 'sqlite' } } })).toContain(
      'several gateways need one PostgreSQL',
    )
  })
})

/** What the gateway makes of the settings in the chart's map; secrets are files that are made here. */
function settingsOf(resources: readonly Resource[]): ReturnType<typeof loadConfig>['config'] {
  const text = resources.find(({ kind }) => kind === 'ConfigMap')!.data!['ongoingai.yaml']!
  const folder = mkdtempSync(join(tmpdir(), 'ongoingai-chart-'))
  try {
    const local = text.replaceAll(/\/etc\/ongoingai\/([\w-]+)\/(\w+)/g, (_, name: string, key: string) => {
      const path = join(folder, `${name}-${key}`)
      const secret = { database: 'postgres://u:p@h/d', redis: 'redis://h:6379' }[name]
      writeFileSync(path, secret ?? '0123456789abcdefghijklmnopqrstuvwxyz')
      return path
    })
    const file = join(folder, 'ongoingai.yaml')
    writeFileSync(file, local)
    return loadConfig(file, {}).config
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Holds a resource to the schema of its kind. @throws with what is wrong */
async function validate(resource: Resource): Promise<void> {
  const { kind, apiVersion } = resource
  const folder = apiVersion.startsWith('monitoring.coreos.com')
    ? '@kubernetes-models/prometheus-operator'
    : 'kubernetes-models'
  const { [kind]: model } = (await import(join(models, folder, apiVersion, `${kind}.js`))) as Record<
    string,
    new (resource: Resource) => { validate(): void }
  >
  new model!(resource).validate()
}
