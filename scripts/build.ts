// Builds the self-contained executable: `bun scripts/build.ts [--target=bun-linux-arm64] [--outfile=dist/ongoingai] [--order=FILE]`.
// FILE says which functions a start uses, so that they lie together. If there is none, it is recorded first, with a build of its own.
import { $ } from 'bun'
import { existsSync, rmSync } from 'node:fs'
import { recordStart } from './record-start.ts'

const option = (name: string): string | undefined =>
  process.argv.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3)

const target = option('target')
const order = option('order')
const outfile = option('outfile') ?? 'dist/ongoingai'
const commit =
  process.env['COMMIT'] ?? ((await $`git rev-parse --short HEAD`.nothrow().quiet().text()).trim() || 'none')

if (order !== undefined && !existsSync(order)) {
  const first = `${outfile}.first`
  await build(first, {})
  await recordStart(first, order)
  rmSync(first)
}
await build(outfile, {
  ...(target ? { target: target as Bun.Build.CompileTarget } : {}),
  ...(order === undefined ? {} : { bytecodeOrder: order }),
})
console.log(outfile)

async function build(
  file: string,
  compile: Pick<Bun.CompileBuildOptions, 'target' | 'bytecodeOrder'>,
): Promise<void> {
  const result = await Bun.build({
    // The threads' programs are entry points, so that the executable finds them under their own names.
    entrypoints: [
      'src/main.ts',
      'src/background/recorder-worker.ts',
      'src/background/builder-worker.ts',
      'src/storage/query-worker.ts',
      'src/inspection/inspection-worker.ts',
    ],
    // What is imported late (price list, tokenizers) must not lie in the memory of threads that never ask for it.
    splitting: true,
    // Parsed at build time instead of at every start.
    bytecode: true,
    format: 'esm',
    compile: {
      ...compile,
      outfile: file,
      // The folder that the executable is started in may be anybody's: nothing in it is configuration of the runtime, which can be code.
      autoloadBunfig: false,
      autoloadDotenv: false,
      autoloadPackageJson: false,
      autoloadTsconfig: false,
    },
    minify: { whitespace: true, syntax: true },
    define: {
      ONGOINGAI_VERSION: JSON.stringify(process.env['VERSION'] ?? 'dev'),
      ONGOINGAI_COMMIT: JSON.stringify(commit),
      ONGOINGAI_DATE: JSON.stringify(process.env['DATE'] ?? new Date().toISOString().replace(/\.\d+Z$/, 'Z')),
    },
  })
  for (const message of result.logs) console.error(message)
  if (!result.success) process.exit(1)
}
