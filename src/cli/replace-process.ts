import type { Io } from './command.ts'

/** Requests to upstreams at a time; the HTTP client's own default is 256. */
const MAX_UPSTREAM_REQUESTS = '65336'

/** What the runtime reads from the environment when the process begins, before any of our code. */
const RUNTIME_ENVIRONMENT: Readonly<Record<string, string>> = {
  BUN_CONFIG_MAX_HTTP_REQUESTS: MAX_UPSTREAM_REQUESTS,
  // Milliseconds. By default the allocator checks pages in use for free memory ten times a second. Under load that takes up to a tenth of
  // the processor's time.
  MIMALLOC_PURGE_HOLES_MIN_INTERVAL: '10000',
}

/** Restarts the program once in the same process, with the missing variables of that list. A variable that is already set stays unchanged. */
export function replaceProcess({ environment }: Io): void {
  const missing = Object.entries(RUNTIME_ENVIRONMENT).filter(([name]) => environment[name] === undefined)
  if (missing.length === 0 || process.execve === undefined) return
  const own = Bun.main.startsWith('/$bunfs') || Bun.main.startsWith('B:\\')
  const runtime = own ? [] : [...process.execArgv, Bun.main]
  try {
    process.execve(process.execPath, [process.argv0, ...runtime, ...process.argv.slice(2)], {
      ...environment,
      ...Object.fromEntries(missing),
    })
  } catch {
    // Where a process cannot replace itself (Windows), the runtime's own values stay.
  }
}
