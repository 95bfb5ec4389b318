import { afterAll, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../support/free-port.ts'
import { eventually } from '../support/eventually.ts'
import { PROGRAM } from '../support/program.ts'
import { respondJson, Upstream } from '../support/upstream.ts'

setDefaultTimeout(30_000)

const folder = mkdtempSync(join(tmpdir(), 'ongoingai-otel-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const OPENSSL = Bun.which('openssl')

// A certificate is made by openssl, which most systems have.
test.skipIf(OPENSSL === null)(
  'the standard variables alone: endpoint with a path, headers, compression, a CA of one’s own, resource attributes',
  async () => {
    const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')]
    const words = [
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      key,
      '-out',
      certificate,
      '-days',
      '2',
      '-subj',
      '/CN=localhost',
      '-addext',
      'subjectAltName=DNS:localhost',
    ]
    expect(Bun.spawnSync([OPENSSL!, ...words]).exitCode).toBe(0)
    const requests: { path: string; headers: Headers; body: Buffer }[] = []
    const collector = Bun.serve({
      port: 0,
      tls: { key: Bun.file(key), cert: Bun.file(certificate) },
      async fetch(request) {
        requests.push({
          path: new URL(request.url).pathname,
          headers: request.headers,
          body: Buffer.from(await request.arrayBuffer()),
        })
        return new Response('')
      },
    })
    const upstream = await Upstream.start(
      respondJson({
        id: 'c',
        model: 'gpt-5.4-mini',
        usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
      }),
    )
    const port = await freePort()
    const gateway = Bun.spawn([...PROGRAM, 'serve'], {
      cwd: folder,
      env: {
        PATH: process.env['PATH'] ?? '',
        ONGOINGAI_PORT: String(port),
        ONGOINGAI_OPENAI_UPSTREAM: upstream.url,
        OTEL_EXPORTER_OTLP_ENDPOINT: `https://localhost:${collector.port}/base`,
        OTEL_EXPORTER_OTLP_HEADERS: 'x-team=blue',
        OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
        OTEL_EXPORTER_OTLP_CERTIFICATE: certificate,
        OTEL_METRIC_EXPORT_INTERVAL: '2000',
        OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
      },
      stdout: 'pipe',
    })
    try {
      await eventually(() =>
        fetch(`http://127.0.0.1:${port}/api/live`).then(
          ({ ok }) => ok,
          () => false,
        ),
      )
      const response = await fetch(`http://127.0.0.1:${port}/openai/v1/chat/completions`, {
        method: 'POST',
        body: '{"model":"gpt-5.4-mini"}',
      })
      expect(response.status).toBe(200)
      await eventually(() => requests.some(({ path }) => path === '/base/v1/metrics'))
      gateway.kill('SIGTERM')
      await gateway.exited
      const traces = requests.find(({ path }) => path === '/base/v1/traces')!
      expect([
        traces.headers.get('content-type'),
        traces.headers.get('content-encoding'),
        traces.headers.get('x-team'),
      ]).toEqual(['application/x-protobuf', 'gzip', 'blue'])
      const text = Buffer.from(Bun.gunzipSync(new Uint8Array(traces.body))).toString('latin1')
      for (const part of ['deployment.environment.name', 'chat gpt-5.4-mini', 'ongoingai-gateway'])
        expect(text).toContain(part)
      expect(await new Response(gateway.stdout).text()).not.toContain('telemetry cannot be exported')
    } finally {
      gateway.kill('SIGKILL')
      void collector.stop(true)
      await upstream.stop()
    }
  },
)
