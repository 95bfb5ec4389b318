import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Config } from '../config/config.ts'
import { readMode } from '../redaction/modes.ts'
import type { RedactionSettings } from '../redaction/settings.ts'
import { readSecrets, secretsFrom } from '../files/secret-file.ts'

/** Where the key of placeholders' hashes lies. */
function keyFile({ tracing }: Pick<Config, 'tracing'>): string {
  return join(dirname(tracing.journal.path), 'redaction.key')
}

/**
 * The settings of redaction with the key of their hashes, from the file that is made at the first start with a policy that needs it.
 *
 * @throws Error when the file cannot be read or made
 */
export function keyedRedaction(config: Pick<Config, 'pii' | 'tracing'>): RedactionSettings {
  const { redaction } = config.pii
  const { hashKey, hashSalt, mode, scopes } = redaction
  const hides = [mode, ...scopes.map((scope) => scope.mode)].some((name) => readMode(name)?.storage === true)
  if (!hides || hashKey !== '' || hashSalt !== '') return redaction
  return { ...redaction, hashKey: secretsFrom(keyFile(config), 'key')[0]! }
}

/** Why the gateway could not start with the key's file that is there; `undefined` when it could, or would make the file. */
export function redactionKeyProblem(config: Pick<Config, 'pii' | 'tracing'>): string | undefined {
  if (!existsSync(keyFile(config))) return undefined
  try {
    keyedRedaction(config)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** The settings of redaction for a command that writes nothing. @returns the settings, and whether placeholders are those of the gateway */
export function knownRedaction(config: Pick<Config, 'pii' | 'tracing'>): {
  settings: RedactionSettings
  same: boolean
} {
  const { redaction } = config.pii
  if (redaction.hashKey !== '' || redaction.hashSalt !== '') return { settings: redaction, same: true }
  try {
    const hashKey = readSecrets(keyFile(config), 'key')[0]!
    return { settings: { ...redaction, hashKey }, same: true }
  } catch {
    return { settings: redaction, same: false }
  }
}
