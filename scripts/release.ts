// Builds what a release consists of: `bun scripts/release.ts [--version=1.2.3] [--only=linux_amd64,…] [--outdir=dist/release]`.
// Executables for every platform, their checksums, a bill of materials, the manual page, the installers, and npm's packages.
import { createHash } from 'node:crypto'
import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { PLATFORMS, type Platform } from '../packaging/platforms.ts'

const option = (name: string): string | undefined =>
  process.argv.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3)

const root = resolve(import.meta.dir, '..')
const version =
  option('version') ??
  (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version
const outdir = resolve(option('outdir') ?? join(root, 'dist/release'))
const only = option('only')?.split(',')
const platforms = PLATFORMS.filter(
  ({ asset }) => !only || only.some((name) => asset.replace(/\.exe$/, '') === `ongoingai_${name}`),
)
if (platforms.length === 0) {
  console.error(
    `no platform is called ${option('only')}; there are ${PLATFORMS.map(({ asset }) => asset).join(', ')}`,
  )
  process.exit(2)
}

/** They go with every release, so that one address installs it. */
const INSTALLERS = ['install.sh', 'install.ps1']

rmSync(outdir, { recursive: true, force: true })
mkdirSync(outdir, { recursive: true })
// One for all platforms, recorded with the first.
const order = join(root, 'dist/start.order')
rmSync(order, { force: true })
for (const { asset, bunTarget } of platforms) {
  // Bun puts `.exe` behind a name that has none.
  run(
    [
      process.execPath,
      'scripts/build.ts',
      `--target=${bunTarget}`,
      `--outfile=${join(outdir, asset.replace(/\.exe$/, ''))}`,
      `--order=${order}`,
    ],
    { VERSION: version },
  )
}
const names = platforms.map(({ asset }) => asset)
writeFileSync(join(outdir, 'sbom.cdx.json'), run(['npm', 'sbom', '--sbom-format=cyclonedx', '--omit=dev']))
const define = `ONGOINGAI_VERSION=${JSON.stringify(version)}`
writeFileSync(join(outdir, 'ongoingai.1'), run([process.execPath, '--define', define, 'src/main.ts', 'man']))
const others = ['sbom.cdx.json', 'ongoingai.1', ...INSTALLERS]
for (const name of INSTALLERS) copyFileSync(join(root, name), join(outdir, name))
writeFileSync(
  join(outdir, 'checksums.txt'),
  [...names, ...others].map((name) => `${sha256(join(outdir, name))}  ${name}\n`).join(''),
)
const packages = [...platforms.map((platform) => packPlatform(platform)), packMain()]
for (const name of [...names, ...others, 'checksums.txt', ...packages]) console.log(join(outdir, name))

/** The package of one platform: its executable and nothing that runs at installation. */
function packPlatform({ asset, npmSuffix, os, cpu, libc }: Platform): string {
  const name = `@ongoingai/gateway-${npmSuffix}`
  const executable = `bin/ongoingai${os === 'win32' ? '.exe' : ''}`
  return pack(name, { os: [os], cpu: [cpu], ...(libc ? { libc: [libc] } : {}), files: ['bin'] }, (folder) => {
    mkdirSync(join(folder, 'bin'))
    copyFileSync(join(outdir, asset), join(folder, executable))
    chmodSync(join(folder, executable), 0o755)
  })
}

/** The package that people install: it finds the one of their platform. */
function packMain(): string {
  const optionalDependencies = Object.fromEntries(
    PLATFORMS.map(({ npmSuffix }) => [`@ongoingai/gateway-${npmSuffix}`, version]),
  )
  const bin = { ongoingai: 'bin/ongoingai.cjs' }
  const man = ['man/ongoingai.1']
  return pack('@ongoingai/gateway', { bin, man, optionalDependencies, files: ['bin', 'man'] }, (folder) => {
    for (const name of ['bin', 'man']) mkdirSync(join(folder, name))
    copyFileSync(join(outdir, 'ongoingai.1'), join(folder, man[0]!))
    for (const name of ['ongoingai.cjs', 'relay.cjs'])
      copyFileSync(join(root, 'packaging/npm', name), join(folder, 'bin', name))
    chmodSync(join(folder, bin.ongoingai), 0o755)
    copyFileSync(join(root, 'README.md'), join(folder, 'README.md'))
  })
}

function pack(name: string, manifest: object, fill: (folder: string) => void): string {
  const folder = join(outdir, 'packing')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder)
  fill(folder)
  copyFileSync(join(root, 'LICENSE'), join(folder, 'LICENSE'))
  const description = 'An AI gateway: byte-transparent, exact, lossless.'
  const whole = {
    name,
    version,
    description,
    license: 'Apache-2.0',
    // npm's provenance must come from here.
    repository: { type: 'git', url: 'git+https://github.com/ongoingai/gateway.git' },
    engines: { node: '>=18' },
    ...manifest,
  }
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(whole, null, 2)}\n`)
  const [packed] = JSON.parse(run(['npm', 'pack', '--json', `--pack-destination=${outdir}`, folder])) as {
    filename: string
  }[]
  rmSync(folder, { recursive: true, force: true })
  return packed!.filename
}

function run(words: string[], environment: Record<string, string> = {}): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync(words, {
    cwd: root,
    env: { ...process.env, ...environment },
  })
  if (exitCode === 0) return stdout.toString()
  console.error(`${words.join(' ')}: ${stderr.toString()}`)
  process.exit(1)
}

function sha256(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex')
}
