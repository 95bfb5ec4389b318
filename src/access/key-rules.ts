import { GatewayError } from '../errors.ts'
import { matches, patternWithin } from '../limits/policies/name-pattern.ts'
import { readPath } from '../wire/url/path-readings.ts'
import { containsNetwork, inNetworks, parseNetwork, type Network } from './networks.ts'

/** What a key may be used for; an empty list allows everything. */
export interface KeyRules {
  /** Names of models; `gpt-4o*` is every one that begins so. Case does not matter. */
  readonly models: readonly string[]
  /** Names of providers in the configuration. */
  readonly providers: readonly string[]
  /** Paths on the gateway; `/openai/v1/*` is everything below. */
  readonly routes: readonly string[]
  /** Client addresses and networks in CIDR notation. */
  readonly networks: readonly string[]
}

/** The lists of a key's rules, by name. */
export const RULE_LISTS = ['models', 'providers', 'routes', 'networks'] as const

export const NO_RULES: KeyRules = { models: [], providers: [], routes: [], networks: [] }

/** What is wrong with rules, in words; empty when they are valid. */
export function ruleProblems(rules: KeyRules): string[] {
  const problems = rules.networks
    .filter((text) => !parseNetwork(text))
    .map((text) => `networks: ${JSON.stringify(text)} is neither an address nor a network in CIDR notation`)
  for (const list of ['models', 'providers', 'routes'] as const) {
    for (const text of rules[list]) {
      if (text.trim() === '') problems.push(`${list}: an entry must not be empty`)
      else if (text.indexOf('*') >= 0 && text.indexOf('*') < text.length - 1) {
        problems.push(`${list}: ${JSON.stringify(text)} may have a * only at its end`)
      }
    }
  }
  for (const route of rules.routes) {
    if (!route.startsWith('/')) problems.push(`routes: ${JSON.stringify(route)} must start with /`)
  }
  return problems
}

/** Rules compiled for checks on every request. */
export class CompiledRules {
  readonly #models: readonly string[]
  readonly #providers: readonly string[]
  readonly #routes: readonly string[]
  readonly #networks: readonly Network[]
  readonly #everywhere: boolean

  /** @param rules without problems; a network that cannot be read allows nothing */
  constructor(rules: KeyRules) {
    this.#models = rules.models.map((model) => model.trim().toLowerCase())
    this.#providers = rules.providers
    this.#routes = rules.routes.map((route) => readPath(route).plain)
    this.#everywhere = rules.networks.length === 0
    this.#networks = rules.networks.flatMap((text) => parseNetwork(text) ?? [])
  }

  /** Whether the model of a request matters, so that its content must be seen. */
  get restrictsModels(): boolean {
    return this.#models.length > 0
  }

  /** Whether the provider of a request matters. */
  get restrictsProviders(): boolean {
    return this.#providers.length > 0
  }

  /** @param model case does not matter */
  allowsModel(model: string): boolean {
    const name = model.toLowerCase()
    return this.#models.length === 0 || this.#models.some((pattern) => matches(pattern, name))
  }

  allowsProvider(provider: string): boolean {
    return this.#providers.length === 0 || this.#providers.includes(provider)
  }

  /**
   * @param path on the gateway, in its plain reading; case matters
   * @param address of the client's connection, without port; empty when unknown
   * @throws GatewayError `not_allowed_for_key`
   */
  requireTarget(provider: string, path: string, address: string): void {
    this.requireNetwork(address)
    if (!this.allowsProvider(provider)) {
      throw new GatewayError('not_allowed_for_key', `gateway key is not allowed for provider ${provider}`)
    }
    this.requireRoute(path)
  }

  /** @param path on the gateway, in its plain reading; case matters @throws GatewayError `not_allowed_for_key` */
  requireRoute(path: string): void {
    if (this.#routes.length > 0 && !this.#routes.some((route) => matches(route, path))) {
      throw new GatewayError('not_allowed_for_key', 'gateway key is not allowed for this route')
    }
  }

  /** @param address of the client, without port; empty when unknown @throws GatewayError `not_allowed_for_key` */
  requireNetwork(address: string): void {
    if (this.#everywhere || inNetworks(address, this.#networks)) return
    throw new GatewayError('not_allowed_for_key', 'gateway key is not allowed from this network')
  }

  /**
   * @param models that a request names, each of which must be allowed
   * @param hidden why another model may run, in words that continue "restricted to certain models, and"; empty for none
   * @throws GatewayError `not_allowed_for_key`
   */
  requireModels(models: readonly string[], hidden: string): void {
    if (this.#models.length === 0) return
    const other = models.find((model) => !this.allowsModel(model))
    if (other !== undefined) {
      const what = `gateway key is not allowed for model ${other.slice(0, 128)}`
      throw new GatewayError('not_allowed_for_key', what)
    }
    if (hidden === '') return
    const what = `gateway key is restricted to certain models, and ${hidden}`
    throw new GatewayError('not_allowed_for_key', what)
  }
}

/** Whether everything that the inner rules allow is allowed by the outer ones. */
export function rulesWithin(outer: KeyRules, inner: KeyRules): boolean {
  for (const list of ['models', 'providers', 'routes'] as const) {
    if (outer[list].length === 0) continue
    const lower = (text: string): string => (list === 'models' ? text.toLowerCase() : text)
    const within = inner[list].every((text) =>
      outer[list].some((pattern) => patternWithin(lower(pattern), lower(text))),
    )
    if (inner[list].length === 0 || !within) return false
  }
  if (outer.networks.length === 0) return true
  const networks = outer.networks.flatMap((text) => parseNetwork(text) ?? [])
  return (
    inner.networks.length > 0 &&
    inner.networks.every((text) => {
      const network = parseNetwork(text)
      return network !== undefined && networks.some((allowed) => containsNetwork(allowed, network))
    })
  )
}
