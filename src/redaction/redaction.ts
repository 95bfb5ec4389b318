import { DeniedValues } from './denied-values.ts'
import { customDetector } from './detectors/custom.ts'
import type { Detector } from './detectors/detector.ts'
import { DETECTORS } from './detectors/registry.ts'
import { HashedPlaceholders } from './placeholders.ts'
import { Scopes } from './scopes.ts'
import type { RedactionSettings } from './settings.ts'
import type { TextRules } from './text-rules.ts'

/** Workspaces whose placeholders are remembered. */
const MAX_WORKSPACES = 1000

/** Redaction as it is configured, ready for use. */
export class Redaction {
  readonly settings: RedactionSettings
  readonly scopes: Scopes
  readonly #detectors: readonly Detector[]
  readonly #denied: DeniedValues
  readonly #workspaces = new Map<string, TextRules>()

  /** @throws Error when a pattern of the settings is none */
  constructor(settings: RedactionSettings) {
    // A random key: placeholders can be compared within this process only.
    const hashKey =
      settings.hashKey === '' ? `${crypto.randomUUID()}${crypto.randomUUID()}` : settings.hashKey
    this.settings = { ...settings, hashKey }
    this.scopes = new Scopes(settings)
    this.#detectors = [
      ...settings.custom.map((custom) => customDetector(custom)),
      ...DETECTORS.filter(({ name }) => settings.detectors.includes(name)),
    ]
    this.#denied = new DeniedValues(settings.deniedNames, settings.deniedPaths)
  }

  /** The rules for a workspace's texts; equal values get equal placeholders there. */
  rulesOf(tenant: { readonly organizationId: string; readonly workspaceId: string }): TextRules {
    const name = JSON.stringify([tenant.organizationId, tenant.workspaceId])
    const known = this.#workspaces.get(name)
    if (known) return known
    const rules = {
      detectors: this.#detectors,
      denied: this.#denied,
      placeholders: new HashedPlaceholders(this.settings, tenant),
      hidesUninspectable: this.settings.uninspectable === 'deny',
    }
    if (this.#workspaces.size >= MAX_WORKSPACES) this.#workspaces.clear()
    this.#workspaces.set(name, rules)
    return rules
  }
}
