import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { createHash } from 'node:crypto'
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PLATFORMS } from '../../packaging/platforms.ts'
import { eventually } from '../support/eventually.ts'
import { expectUntouched, hostileFolder } from '../support/hostile-folder.ts'
import { freePort } from '../support/free-port.ts'
import { stream, Upstream } from '../support/upstream.ts'

setDefaultTimeout(120_000)

const ROOT = join(import.meta.dir, '../..')
const folder = mkdtempSync(join(tmpdir(), 'ongoingai-packaging-'))
const release = join(folder, 'release')
/** Of the machines that the tests run on. */
const HERE = PLATFORMS.find(
  ({ os, cpu, libc }) => os === process.platform && cpu === process.arch && libc !== 'musl',
)!
const VERSION = '0.1.7'
const PATH = process.env['PATH'] ?? ''

let upstream: Upstream
beforeAll(async () => {
  upstream = await Upstream.start(
    stream([
      'data: {"id":"c","model":"gpt-5.4-mini","choices":[{"index":0,"delta":{"content":"Hello"}}]}\n\n',
      'data: {"id":"c","choices":[],"usage":{"prompt_tokens":12,"completion_tokens":5,"total_tokens":17}}\n\n',
      'data: [DONE]\n\n',
    ]),
  )
  const only = HERE.asset.replace(/^ongoingai_/, '').replace(/\.exe$/, '')
  const built = run(
    ['bun', 'scripts/release.ts', `--only=${only}`, `--version=${VERSION}`, `--outdir=${release}`],
    ROOT,
  )
  expect([built.status, built.err]).toEqual([0, ''])
})
afterAll(async () => {
  await upstream.stop()
  rmSync(folder, { recursive: true, force: true })
})

function run(
  words: string[],
  cwd: string,
  environment: Record<string, string> = {},
): { status: number; out: string; err: string } {
  const [command, ...rest] = words
  const { exitCode, stdout, stderr } = Bun.spawnSync(
    [command === 'bun' ? process.execPath : command!, ...rest],
    {
      cwd,
      env: { PATH, HOME: folder, ...environment },
    },
  )
  return { status: exitCode, out: stdout.toString(), err: stderr.toString() }
}

function writable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return true
  } catch {
    return false
  }
}

/** Starts a gateway with a command, streams one answer through it, stops it, and reads the report. */
async function tryOut(
  command: string[],
  cwd: string,
  environment: Record<string, string> = {},
): Promise<string> {
  const port = await freePort()
  const env = {
    PATH,
    HOME: folder,
    ONGOINGAI_PORT: String(port),
    ONGOINGAI_OPENAI_UPSTREAM: upstream.url,
    ...environment,
  }
  const serving = Bun.spawn([...command, 'serve'], { cwd, env, stdout: 'pipe', stderr: 'pipe' })
  const url = `http://127.0.0.1:${port}`
  try {
    await eventually(
      () =>
        fetch(`${url}/api/ready`).then(
          ({ ok }) => ok,
          () => false,
        ),
      30_000,
    )
    const answer = await fetch(`${url}/openai/v1/chat/completions`, {
      method: 'POST',
      // Large heads pass however the gateway was started.
      headers: { 'x-large': 'x'.repeat(64 * 1024) },
      body: '{"model":"gpt-5.4-mini","stream":true}',
    })
    expect(await answer.text()).toEndWith('data: [DONE]\n\n')
  } finally {
    serving.kill('SIGTERM')
    expect(await serving.exited).toBe(0)
  }
  const report = run([...command, 'report', '--format', 'json'], cwd, environment)
  expect(report.status).toBe(0)
  return report.out
}

describe('a release', () => {
  test('has an executable, a bill of materials, and the sums of both', () => {
    const sums = readFileSync(join(release, 'checksums.txt'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => line.split('  '))
    expect(sums.map(([, name]) => name)).toEqual([
      HERE.asset,
      'sbom.cdx.json',
      'ongoingai.1',
      'install.sh',
      'install.ps1',
    ])
    expect(readFileSync(join(release, 'ongoingai.1'), 'utf8')).toContain(`"ongoingai ${VERSION}"`)
    for (const [sum, name] of sums) {
      expect(
        createHash('sha256')
          .update(readFileSync(join(release, name!)))
          .digest('hex'),
      ).toBe(sum!)
    }
    const sbom = JSON.parse(readFileSync(join(release, 'sbom.cdx.json'), 'utf8')) as {
      bomFormat: string
      components: { name: string }[]
    }
    expect([
      sbom.bomFormat,
      sbom.components.some(({ name }) => name === 'kysely'),
      sbom.components.some(({ name }) => name === 'fast-check'),
    ]).toEqual(['CycloneDX', true, false])
    expect(run([join(release, HERE.asset), 'version'], folder).out).toContain(VERSION)
    expect(run(['bun', 'scripts/release.ts', '--only=amiga'], ROOT)).toMatchObject({ status: 2 })
  })

  test('the executable takes nothing from the folder it is started in', async () => {
    await expectUntouched([join(release, HERE.asset)], hostileFolder(join(folder, 'hostile')))
  })

  test('npm: installed into an empty folder it serves, streams and reports; nothing runs at installation', async () => {
    const empty = join(folder, 'npm')
    mkdirSync(empty)
    const tarballs = readdirSync(release).filter((name) => name.endsWith('.tgz'))
    expect(tarballs.length).toBe(2)
    const installed = run(
      [
        'npm',
        'install',
        '--no-audit',
        '--no-fund',
        '--ignore-scripts',
        ...tarballs.map((name) => join(release, name)),
      ],
      empty,
    )
    expect([installed.status, installed.err]).toEqual([0, ''])
    for (const name of readdirSync(join(empty, 'node_modules/@ongoingai'))) {
      const manifest = JSON.parse(
        readFileSync(join(empty, 'node_modules/@ongoingai', name, 'package.json'), 'utf8'),
      ) as object
      expect(manifest).not.toHaveProperty('scripts')
      expect(manifest).toHaveProperty('repository.url', 'git+https://github.com/ongoingai/gateway.git')
    }
    expect(run(['npx', 'ongoingai', 'version'], empty).out).toContain(VERSION)
    expect(run(['npx', 'ongoingai', 'nonsense'], empty).status).toBe(2)
    const launcher = ['node', join(empty, 'node_modules/@ongoingai/gateway/bin/ongoingai.cjs')]
    await expectUntouched(launcher, hostileFolder(join(folder, 'hostile-npm')))
    const report = JSON.parse(await tryOut(launcher, empty)) as object
    expect(JSON.stringify(report)).toContain('gpt-5.4-mini')
    rmSync(join(empty, `node_modules/@ongoingai/gateway-${HERE.npmSuffix}`), { recursive: true })
    const without = run([...launcher, 'version'], empty)
    expect([without.status, without.err]).toEqual([
      1,
      expect.stringContaining(`@ongoingai/gateway-${HERE.npmSuffix} is not installed`) as string,
    ])
  })
})

// A machine that can download nothing has no use for the installer.
describe.if(Bun.which('curl') !== null || Bun.which('wget') !== null)('install.sh', () => {
  let server: ReturnType<typeof Bun.serve>
  let answer: ((path: string) => Response | Promise<Response> | undefined) | undefined
  const asked: string[] = []
  beforeAll(() => {
    server = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      async fetch(request) {
        const { pathname } = new URL(request.url)
        asked.push(pathname)
        const special = await answer?.(pathname)
        if (special) return special
        const file = join(release, pathname.split('/').at(-1)!)
        return existsSync(file) ? new Response(Bun.file(file)) : new Response('', { status: 404 })
      },
    })
  })
  afterAll(() => server.stop(true))

  const install = async (
    home: string,
    environment: Record<string, string> = {},
  ): Promise<{ status: number; err: string }> => {
    asked.length = 0
    const child = Bun.spawn(['sh', join(ROOT, 'install.sh')], {
      cwd: home,
      env: {
        PATH: '/usr/bin:/bin',
        HOME: home,
        ONGOINGAI_INSTALL_DIR: join(home, 'bin'),
        ONGOINGAI_INSTALL_BASE_URL: server.url.href,
        ...environment,
      },
      stderr: 'pipe',
    })
    return { err: await new Response(child.stderr).text(), status: await child.exited }
  }
  const home = (name: string): string => {
    const path = join(folder, name)
    mkdirSync(path)
    return path
  }

  test('installs the latest release, says where, and it works without Node or Bun', async () => {
    const to = home('latest')
    const { status, err } = await install(to)
    expect([status, asked]).toEqual([0, [`/latest/download/${HERE.asset}`, '/latest/download/checksums.txt']])
    for (const line of [
      'OngoingAI installer',
      'Checksum verified (sha256).',
      `Installed: ${join(to, 'bin/ongoingai')} (`,
      VERSION,
      'is not on your PATH',
    ])
      expect(err).toContain(line)
    expect(statSync(join(to, 'bin/ongoingai')).mode & 0o777).toBe(0o755)
    expect(readdirSync(join(to, 'bin'))).toEqual(['ongoingai'])
    expect(await tryOut([join(to, 'bin/ongoingai')], to, { PATH: '/usr/bin:/bin' })).toContain('gpt-5.4-mini')
    // Again, over what is there; and what comes first on the path is told.
    writeFileSync(join(home('first'), 'ongoingai'), '#!/bin/sh\n')
    chmodSync(join(folder, 'first/ongoingai'), 0o755)
    const again = await install(to, {
      PATH: `${join(folder, 'first')}:/usr/bin:/bin`,
      ONGOINGAI_VERSION: 'v9',
    })
    expect([again.status, asked[0]]).toEqual([0, `/download/v9/${HERE.asset}`])
    expect(again.err).toContain(`Note: ${join(folder, 'first/ongoingai')} comes first on your PATH`)
  })

  test('a wrong sum, a missing entry, a missing file, an executable that does not run: nothing is installed, nothing is left', async () => {
    const to = home('wrong')
    const bad = async (how: typeof answer): Promise<string> => {
      answer = how
      const { status, err } = await install(to)
      answer = undefined
      expect([status, readdirSync(join(to, 'bin'))]).toEqual([1, []])
      return err
    }
    expect(
      await bad((path) => (path.endsWith(HERE.asset) ? new Response('not the executable') : undefined)),
    ).toContain(`Error: Checksum mismatch for ${HERE.asset}`)
    expect(
      await bad((path) => (path.endsWith('checksums.txt') ? new Response('aa  another\n') : undefined)),
    ).toContain(`Error: checksums.txt found but no entry for ${HERE.asset}`)
    expect(
      await bad((path) => (path.endsWith(HERE.asset) ? new Response('', { status: 404 }) : undefined)),
    ).toContain('Error: could not download')
    const script = '#!/bin/sh\nexit 3\n'
    const sum = createHash('sha256').update(script).digest('hex')
    expect(
      await bad((path) =>
        path.endsWith('checksums.txt') ? new Response(`${sum} *${HERE.asset}\n`) : new Response(script),
      ),
    ).toContain('Error: the executable does not run on this machine')
  })

  test.if(Bun.which('setsid') !== null)(
    'interrupted in the middle it leaves nothing, and what was there stays',
    async () => {
      const to = home('interrupted')
      mkdirSync(join(to, 'bin'))
      writeFileSync(join(to, 'bin/ongoingai'), 'the old one')
      let begun = false
      answer = () => {
        begun = true
        return new Response(new ReadableStream({ pull: () => Bun.sleep(60_000) }))
      }
      const child = Bun.spawn(['setsid', 'sh', join(ROOT, 'install.sh')], {
        env: {
          PATH: '/usr/bin:/bin',
          HOME: to,
          ONGOINGAI_INSTALL_DIR: join(to, 'bin'),
          ONGOINGAI_INSTALL_BASE_URL: server.url.href,
        },
        stderr: 'ignore',
      })
      await eventually(() => begun)
      process.kill(-child.pid, 'SIGTERM')
      expect(await child.exited).toBe(143)
      answer = undefined
      expect(readdirSync(join(to, 'bin'))).toEqual(['ongoingai'])
      expect(readFileSync(join(to, 'bin/ongoingai'), 'utf8')).toBe('the old one')
    },
  )

  /** Words that make a command one of somebody who may not write to /usr/local/bin; absent where there is no such. */
  const nobody =
    process.getuid?.() === 0
      ? Bun.which('setpriv')
        ? ['setpriv', '--reuid=65534', '--clear-groups']
        : undefined
      : writable('/usr/local/bin')
        ? undefined
        : []

  test.skipIf(nobody === undefined)(
    'without HOME and with nowhere else to go it says what to set',
    async () => {
      const script = readFileSync(join(ROOT, 'install.sh'))
      const child = Bun.spawn([...nobody!, 'sh'], {
        cwd: '/',
        env: { PATH: '/usr/bin:/bin' },
        stdin: script,
        stderr: 'pipe',
      })
      const err = await new Response(child.stderr).text()
      expect([await child.exited, err]).toEqual([
        1,
        expect.stringContaining(
          'Error: there is no HOME; say where to install with ONGOINGAI_INSTALL_DIR',
        ) as string,
      ])
    },
  )

  test('an unsupported system gets an error that says so', async () => {
    const to = home('strange')
    for (const [system, machine, message] of [
      ['Plan9', 'x86_64', 'Unsupported OS: Plan9 (supported: macOS, Linux)'],
      ['Linux', 'sparc64', 'Unsupported architecture: sparc64 (supported: amd64, arm64)'],
    ] as const) {
      writeFileSync(
        join(to, 'uname'),
        `#!/bin/sh\ncase $1 in -s) echo ${system};; -m) echo ${machine};; esac\n`,
      )
      chmodSync(join(to, 'uname'), 0o755)
      const { status, err } = await install(to, { PATH: `${to}:/usr/bin:/bin` })
      expect([status, err]).toEqual([1, `Error: ${message}\n`])
    }
  })
})
