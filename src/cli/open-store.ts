import { existsSync } from 'node:fs'
import type { Config } from '../config/config.ts'
import { ConfigError, loadConfig } from '../config/load.ts'
import type { Waiting } from '../storage/contract/database.ts'
import type { Storage } from '../storage/contract/storage.ts'
import { lockers } from '../storage/storage-error.ts'
import type { Io } from './command.ts'
import type { Arguments } from './flags.ts'

/** An open store and the settings it was opened by. */
export interface OpenStore {
  readonly config: Config
  readonly storage: Storage
}

/**
 * Loads the configuration and opens its store: for reading nothing is created and nothing migrated, for writing the schema
 * is brought up to date, but no store is created either.
 *
 * @returns `undefined` after the reason was shown
 */
export async function openStore(
  { values }: Arguments,
  io: Io,
  mode: 'read' | 'write' = 'read',
): Promise<OpenStore | undefined> {
  const config = withConfig({ values, positional: [] }, io)
  if (!config) return undefined
  try {
    // Loaded here so that `serve`, whose serving thread never touches a database, does not carry it in its heap.
    const { openStorage } = await import('../storage/open-storage.ts')
    if (mode === 'write') await (await openStorage(config.storage, 'read', waitingFor(io))).close()
    return { config, storage: await openStorage(config.storage, mode, waitingFor(io)) }
  } catch (error) {
    io.err(`failed to initialize trace store: ${error instanceof Error ? error.message : String(error)}\n`)
    return undefined
  }
}

/** Whether the store is a file that does not exist yet. */
export function hasNoStore({ storage }: Config): boolean {
  return storage.driver === 'sqlite' && storage.path !== ':memory:' && !existsSync(storage.path)
}

/** Says on the terminal that a command waits for the process that has locked the store. */
export function waitingFor(io: Io): Waiting {
  return (path, users) => io.err(`waiting for ${path}, locked by ${lockers(users)}\n`)
}

/** Loads the configuration. @returns `undefined` after the reason was shown */
export function withConfig({ values }: Arguments, io: Io): Config | undefined {
  try {
    return loadConfig(values.get('config'), io.environment).config
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    io.err(`${error.stage === 'load' ? 'failed to load config' : 'config is invalid'}: ${error.message}\n`)
    return undefined
  }
}
