import { accessSync, constants, existsSync, readdirSync, statSync, statfsSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import type { Config } from '../config/config.ts'
import type { Environment } from '../config/environment.ts'
import type { LoadedConfig } from '../config/load.ts'
import { exposedFiles, replaceableFolders } from '../files/exposed-files.ts'
import { keysProblem } from '../gateway/gateway-keys.ts'
import { ROUTE_PERMISSIONS } from '../access/route-permissions.ts'
import { RedisBackend } from '../limits/counters/redis-backend.ts'
import { NO_REQUEST } from '../limits/counters/shared-counters.ts'
import { UpstreamConnection } from '../proxy/upstream/connection.ts'
import { shownValue } from '../redaction/shown-value.ts'
import { formatSecond } from '../time/rfc3339.ts'
import type { Storage } from '../storage/contract/storage.ts'
import { refusedOpen } from '../gateway/open-start.ts'
import { checkListener } from './listener-check.ts'
import { priceAgeLines } from '../presentation/price-age-text.ts'
import { checkRedaction } from './redaction-check.ts'
import { hasNoStore } from './open-store.ts'

/** What a check found. `skip` says nothing, good or bad. */
export interface Finding {
  readonly name: string
  readonly status: 'pass' | 'warn' | 'fail' | 'skip'
  readonly summary: string
  readonly details?: readonly string[]
}

/** One thing that the doctor looks at. It changes nothing. */
export interface Check {
  readonly name: string
  run(loaded: LoadedConfig, environment: Environment): Promise<Omit<Finding, 'name'>> | Omit<Finding, 'name'>
}

/** Free space below which a disk is short, and so short that recording is about to stop. */
const SHORT_BYTES = 1e9
const FULL_BYTES = 100e6

/** How long an upstream may take to respond. */
const UPSTREAM_MS = 5000

/** Models that are named at most. */
const NAMED = 10

/** How far the newest trace may lie ahead of this machine's clock. */
const CLOCK_US = 60_000_000

/** The checks that need only this machine and its store: the contract's first, then the added ones. */
export const LOCAL_CHECKS: readonly Check[] = [
  { name: 'storage', run: checkStorage },
  { name: 'route_wiring', run: checkRoutes },
  { name: 'auth_posture', run: checkAuth },
  { name: 'listener', run: checkListener },
  { name: 'journal', run: checkJournal },
  { name: 'disk_space', run: checkDisk },
  { name: 'file_permissions', run: checkPermissions },
  { name: 'clock', run: checkClock },
  { name: 'prices', run: checkPrices },
  { name: 'limits', run: checkLimits },
  { name: 'redaction', run: checkRedaction },
  { name: 'gateways', run: checkGateways },
]

/** Whether every upstream responds. */
export const UPSTREAMS: Check = { name: 'upstreams', run: checkUpstreams }

async function checkStorage({ config }: LoadedConfig): Promise<Omit<Finding, 'name'>> {
  const { storage } = config
  const path = storage.driver === 'sqlite' ? [`path: ${resolve(storage.path)}`] : []
  if (hasNoStore(config)) {
    const blocked = storage.driver === 'sqlite' ? notMakeable(storage.path) : undefined
    if (blocked !== undefined)
      return { status: 'fail', summary: 'failed to initialize trace storage', details: [...path, blocked] }
    return { status: 'pass', summary: 'there is no trace storage yet; serve makes it', details: path }
  }
  let store: Storage
  try {
    store = await open(config)
  } catch (error) {
    const details = [error instanceof Error ? error.message : String(error)]
    return { status: 'fail', summary: 'failed to initialize trace storage', details }
  }
  try {
    await store.everywhere().listTraces({}, { limit: 1, order: 'newest' })
    const { warnings, server } = await store.state()
    return {
      status: warnings.length > 0 ? 'warn' : 'pass',
      summary: `connected to ${storage.driver} trace storage`,
      details: [...path, `server: ${server}`, ...warnings],
    }
  } catch (error) {
    const details = [error instanceof Error ? error.message : String(error)]
    return { status: 'fail', summary: 'trace storage connectivity check failed', details }
  } finally {
    await store.close()
  }
}

/** Shows the provider routes. Loading the configuration has refused those that cannot work. */
function checkRoutes({ config }: LoadedConfig): Omit<Finding, 'name'> {
  const details = config.providers.map(
    ({ name, prefix, upstream }) => `${name}: ${prefix} -> ${shownValue(upstream)}`,
  )
  return {
    status: 'pass',
    summary: 'provider and API route wiring looks valid',
    details: [...details, 'api routes: /api/*'],
  }
}

async function checkAuth({ config }: LoadedConfig, environment: Environment): Promise<Omit<Finding, 'name'>> {
  const { enabled, header, keys } = config.auth
  const guarded = Object.values(ROUTE_PERMISSIONS).filter((permission) => permission !== 'public')
  const rules = guarded.length + config.providers.length
  if (enabled) {
    const { problem, stored } = await examineKeys(config)
    if (problem !== undefined) {
      return { status: 'fail', summary: 'gateway auth configuration is not runnable', details: [problem] }
    }
    return {
      status: 'pass',
      summary: 'gateway auth posture is healthy',
      details: [
        `auth header: ${header}`,
        `active gateway keys: ${keys.length + stored}`,
        `protected authorization rules: ${rules}`,
      ],
    }
  }
  const refused = refusedOpen(config, environment)
  if (refused !== undefined)
    return { status: 'fail', summary: 'gateway auth is disabled', details: [refused] }
  const local = ['127.0.0.1', '::1', '[::1]', 'localhost'].includes(config.server.host)
  return {
    status: 'warn',
    summary: 'gateway auth is disabled',
    details: [
      `auth.enabled=false (header: ${header})`,
      `${rules} protected authorization rules are bypassed`,
      ...(local
        ? []
        : [
            `server.host=${config.server.host} lets others reach it: anyone who does may use it and read every trace`,
          ]),
    ],
  }
}

async function examineKeys(
  config: Config,
): Promise<{ readonly problem: string | undefined; readonly stored: number }> {
  if (hasNoStore(config)) return { problem: await keysProblem(config, undefined), stored: 0 }
  const store = await open(config)
  try {
    const directory = store.directory()
    const { keys } = await directory.activeKeys()
    return { problem: await keysProblem(config, directory), stored: keys.length }
  } finally {
    await store.close()
  }
}

function checkJournal({ config }: LoadedConfig): Omit<Finding, 'name'> {
  const { path, maxBytes } = config.tracing.journal
  const details = [`path: ${resolve(path)}`]
  const blocked = notMakeable(join(path, 'x'))
  if (blocked !== undefined)
    return { status: 'fail', summary: 'the journal cannot be written', details: [...details, blocked] }
  if (!existsSync(path)) return { status: 'pass', summary: 'the journal is empty', details }
  const files = [path, join(path, 'audit')]
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
    .filter((file) => statSync(file).isFile())
  const sizes = files.map((file) => [basename(file), statSync(file).size] as const)
  const bytes = sizes
    .filter(([name]) => /^(journal|unfinished)-/.test(name))
    .reduce((sum, [, size]) => sum + size, 0)
  const aside = sizes
    .filter(([name, size]) => name.startsWith('quarantine') && size > 0)
    .map(([name]) => name)
  const waiting = `${bytes} of ${maxBytes} bytes; what they hold is stored when the gateway and its store run`
  if (aside.length > 0) {
    const held = `in quarantine: ${aside.join(', ')}; docs/operations.md says what to do with them`
    return { status: 'warn', summary: 'traces were put aside', details: [...details, held, waiting] }
  }
  if (bytes === 0) return { status: 'pass', summary: 'the journal is empty', details }
  return { status: 'warn', summary: 'traces wait in the journal', details: [...details, waiting] }
}

/** Whether the configured backend of limits works. */
async function checkLimits({ config }: LoadedConfig): Promise<Omit<Finding, 'name'>> {
  const { backend, redisUrl, backendTimeoutMs, policies, webhooks } = config.limits
  const details = [`backend: ${backend}`, `policies: ${policies.length}`, `webhooks: ${webhooks.length}`]
  if (backend !== 'redis') return { status: 'pass', summary: 'limits can be counted', details }
  const redis = new RedisBackend(
    redisUrl,
    async () => 'ongoingai:doctor',
    () => backendTimeoutMs,
  )
  try {
    await redis.apply('read', NO_REQUEST)
    return { status: 'pass', summary: 'limits can be counted', details }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return { status: 'fail', summary: 'redis does not answer', details: [...details, reason] }
  } finally {
    redis.close()
  }
}

/** Whether more than one gateway uses the SQLite file. */
async function checkGateways({ config }: LoadedConfig): Promise<Omit<Finding, 'name'>> {
  const { storage, limits } = config
  if (storage.driver !== 'sqlite') return { status: 'pass', summary: 'several gateways may share this store' }
  const { claimsHidden, storeUsers } = await import('../storage/store-claim.ts')
  if (claimsHidden(storage.path))
    return { status: 'skip', summary: 'skipped: this user may not see which gateways use the store' }
  const users = storeUsers(storage.path)
  if (users.length === 0) return { status: 'pass', summary: 'no gateway uses the store now' }
  if (users.length === 1) return { status: 'pass', summary: 'one gateway uses the store', details: users }
  const counted = limits.backend === 'memory' ? '; each counts its own limits and budgets' : ''
  return {
    status: 'warn',
    summary: `${users.length} gateways use one SQLite file${counted}`,
    details: users,
  }
}

function checkDisk({ config }: LoadedConfig): Omit<Finding, 'name'> {
  const { storage, tracing } = config
  const folders = [tracing.journal.path, ...(storage.driver === 'sqlite' ? [dirname(storage.path)] : [])]
  const free = new Map<string, number>()
  for (const folder of folders) {
    const parent = existingParent(folder)
    const { bavail, bsize } = statfsSync(parent)
    free.set(resolve(parent), bavail * bsize)
  }
  const details = [...free].map(([folder, bytes]) => `${folder}: ${(bytes / 1e9).toFixed(1)} GB free`)
  const least = Math.min(...free.values())
  if (least < FULL_BYTES) return { status: 'fail', summary: 'the disk is full', details }
  if (least < SHORT_BYTES) return { status: 'warn', summary: 'the disk is nearly full', details }
  return { status: 'pass', summary: 'there is room on the disk', details }
}

/** Files with secrets or content should be readable by their owner alone. */
function checkPermissions({ config, document, path, exists }: LoadedConfig): Omit<Finding, 'name'> {
  if (process.platform === 'win32') {
    return { status: 'skip', summary: 'skipped: this system has other permissions' }
  }
  const { storage } = config
  const exposed = exposedFiles(config).map(
    (file) => `${file} holds the gateway's data and is open to others; the next start closes it`,
  )
  for (const folder of replaceableFolders(config))
    exposed.push(`${folder} lets other users replace the gateway's files: chmod o-w ${quoted(folder)}`)
  const readable = (file: string, what: string): void => {
    if (existsSync(file) && (statSync(file).mode & 0o066) !== 0) {
      exposed.push(`${file} ${what} and is open to others: chmod 600 ${quoted(file)}`)
    }
  }
  if (exists && document.inlineSecrets.length > 0)
    readable(path, `holds secrets (${document.inlineSecrets.join(', ')})`)
  for (const file of new Set(document.secretFiles)) readable(file, 'holds a secret')
  if (storage.driver === 'sqlite' && existsSync(storage.path) && !canWrite(storage.path)) {
    return { status: 'fail', summary: 'the store cannot be written', details: [resolve(storage.path)] }
  }
  if (exposed.length > 0) return { status: 'warn', summary: 'files are open to others', details: exposed }
  return { status: 'pass', summary: 'files are as private as they should be' }
}

/** A path as a shell takes it. */
function quoted(path: string): string {
  return /^[\w./~-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`
}

async function checkClock({ config }: LoadedConfig): Promise<Omit<Finding, 'name'>> {
  const now = Date.now() * 1000
  const newest = hasNoStore(config) ? undefined : await newestTrace(config)
  const details = [`this machine's time: ${formatSecond(now)}`]
  if (newest === undefined || newest <= now + CLOCK_US) {
    return { status: 'pass', summary: 'the clock is not behind the newest trace', details }
  }
  return {
    status: 'warn',
    summary: 'the clock is behind the newest trace: it was ahead, or went back',
    details: [...details, `newest trace: ${formatSecond(newest)}`],
  }
}

async function newestTrace(config: Config): Promise<number | undefined> {
  const store = await open(config)
  try {
    const { items } = await store.everywhere().listTraces({}, { limit: 1, order: 'newest' })
    return items[0]?.createdAtUs
  } finally {
    await store.close()
  }
}

async function checkPrices({ config }: LoadedConfig): Promise<Omit<Finding, 'name'>> {
  if (hasNoStore(config)) return { status: 'pass', summary: 'no model has been used yet' }
  const store = await open(config)
  try {
    const { rows } = await store.everywhere().measure({}, { group: 'model' })
    const unknown = rows.filter((row) => row.unknownCostRequests > row.unmeteredRequests)
    const details = unknown
      .slice(0, NAMED)
      .map((row) => `${row.group}: ${row.unknownCostRequests} of ${row.requests} requests`)
    if (unknown.length > NAMED) details.push(`and ${unknown.length - NAMED} more`)
    // Loaded here: the price list is megabytes that `serve` must not carry.
    const { priceAgeOf } = await import('../presentation/price-age.ts')
    const age = await priceAgeOf(store.everywhere(), config, Date.now())
    details.push(...priceAgeLines(age))
    if (unknown.length === 0) {
      if (age.unknown.length > 0)
        return { status: 'warn', summary: 'models that were used have no price now', details }
      if (age.stale) return { status: 'warn', summary: 'the price list is old', details }
      return { status: 'pass', summary: 'every model that was used has a price', details }
    }
    return {
      status: 'warn',
      summary: 'requests of unknown cost: set pricing.overrides and run `ongoingai reprice`',
      details,
    }
  } finally {
    await store.close()
  }
}

async function checkUpstreams({ config }: LoadedConfig): Promise<Omit<Finding, 'name'>> {
  const upstreams = await Promise.all(
    config.providers.map(async ({ name, upstream, connection }) => {
      const startedAt = performance.now()
      try {
        const signal = AbortSignal.timeout(UPSTREAM_MS)
        const { fetchOptions } = new UpstreamConnection(new URL(upstream).origin, connection)
        const { status } = await fetch(upstream, {
          method: 'HEAD',
          redirect: 'manual',
          signal,
          ...fetchOptions,
        })
        const ms = Math.round(performance.now() - startedAt)
        return { reached: true, text: `${name}: ${shownValue(upstream)} answers ${status} in ${ms} ms` }
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error)
        return { reached: false, text: `${name}: ${shownValue(upstream)} cannot be reached: ${reason}` }
      }
    }),
  )
  const missing = upstreams.filter(({ reached }) => !reached).length
  return {
    status: missing === 0 ? 'pass' : 'fail',
    summary:
      missing === 0
        ? 'every upstream answers'
        : `${missing} of ${upstreams.length} upstreams cannot be reached`,
    details: upstreams.map(({ text }) => text),
  }
}

async function open(config: Config): Promise<Storage> {
  const { openStorage } = await import('../storage/open-storage.ts')
  return openStorage(config.storage, 'read')
}

/** Why a file that is not there cannot be made; `undefined` when it can. */
function notMakeable(path: string): string | undefined {
  const parent = existingParent(dirname(resolve(path)))
  if (!statSync(parent).isDirectory()) return `"${parent}" is not a folder`
  return canWrite(parent) ? undefined : `"${parent}" cannot be written`
}

function existingParent(path: string): string {
  let folder = resolve(path)
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder)
  return folder
}

function canWrite(path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return true
  } catch {
    return false
  }
}
