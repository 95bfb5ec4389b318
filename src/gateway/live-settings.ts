import type { ApiSettings } from '../api/serve-api.ts'
import type { Config } from '../config/config.ts'
import type { HeldCredentials } from '../credentials/held-credentials.ts'
import { Inspector } from '../inspection/inspector.ts'
import type { LimitEngine } from '../limits/limit-engine.ts'
import { breakOffKeyless } from '../proxy/exchange/break-off-keyless.ts'
import type { OpenExchange } from '../proxy/exchange/open-exchange.ts'
import type { ProxySettings } from '../proxy/proxy-context.ts'
import { RouteTable } from '../proxy/steps/route.ts'
import type { TargetChooser } from '../proxy/targets/chooser.ts'
import { ModelDirectory } from '../proxy/targets/model-directory.ts'
import { Scopes } from '../redaction/scopes.ts'
import type { RedactionSettings } from '../redaction/settings.ts'
import { ShownPaths } from '../redaction/shown-paths.ts'
import type { GatewayKeys } from './gateway-keys.ts'
import { limitsLookup } from './limit-services.ts'
import { PriceLookup } from './price-lookup.ts'
import { proxySettings } from './proxy-settings.ts'
import type { Service } from './service.ts'
import { WORKER_URLS } from './worker-urls.ts'

/** What live settings need around them. */
export interface LiveSettingsPorts {
  readonly keys: Pick<GatewayKeys, 'keyring' | 'needPrices'>
  readonly engine: LimitEngine
  readonly credentials: Pick<HeldCredentials, 'poolOf'>
  readonly chooser: TargetChooser
  /** Running exchanges. Those whose key is no longer valid are broken off. */
  readonly open: ReadonlySet<OpenExchange>
}

/** The settings in force and what is built from them. What a request sees is replaced as a whole. */
export class LiveSettings implements Service {
  readonly name = 'settings'
  readonly #ports: LiveSettingsPorts
  readonly #prices = new PriceLookup()
  #config: Config
  #redaction: RedactionSettings
  #inspector: Inspector | undefined
  #paths: ShownPaths
  #upstreams: RouteTable
  #models: ModelDirectory
  #proxy: ProxySettings | undefined
  #api: ApiSettings | undefined

  /** @param redaction the settings of redaction with their key */
  constructor(config: Config, redaction: RedactionSettings, ports: LiveSettingsPorts) {
    this.#ports = ports
    this.#config = config
    this.#redaction = redaction
    this.#inspector = inspectorOf(redaction)
    this.#paths = new ShownPaths(redaction)
    this.#upstreams = upstreamsOf(config, this.#ports.credentials)
    this.#models = modelsOf(config)
  }

  get config(): Config {
    return this.#config
  }

  /** The settings of redaction with their key. */
  get redaction(): RedactionSettings {
    return this.#redaction
  }

  /** What the request's path goes by. Not before `start`. */
  get proxy(): ProxySettings {
    return this.#proxy!
  }

  /** What the management API goes by. Not before `start`. */
  get api(): ApiSettings {
    return this.#api!
  }

  async start(): Promise<void> {
    await this.#apply()
    // Keys may have changed meanwhile.
    await this.keysChanged()
  }

  stop(): void {
    this.#inspector?.close()
  }

  /** Takes over the keys as they are now: at once, because one may be revoked. Prices that a key's own budget needs are loaded afterwards. */
  async keysChanged(): Promise<void> {
    if (!this.#proxy) return
    const keyring = this.#ports.keys.keyring()
    this.#use({ ...this.#proxy, keyring, limitsOf: limitsLookup(this.#ports.engine) })
    if (this.#ports.keys.needPrices()) await this.#apply()
  }

  /** Takes over another configuration. What exchanges began with stays with them. */
  async replace(config: Config, redaction: RedactionSettings): Promise<void> {
    const [inspector, upstreams, before] = [this.#inspector, this.#upstreams, this.#config]
    this.#config = config
    this.#redaction = redaction
    this.#inspector = inspectorOf(redaction)
    this.#paths = new ShownPaths(redaction)
    this.#upstreams = upstreamsOf(config, this.#ports.credentials)
    this.#models = modelsOf(config)
    this.#ports.chooser.configure(config.routing, keptTargets(before, config))
    await this.#apply()
    upstreams.close()
    // Exchanges that began with it may still use it.
    setTimeout(() => inspector?.close(), config.server.shutdownTimeoutMs).unref()
  }

  /** Takes over another price list. */
  async replacePriceList(list: NonNullable<Config['pricing']['list']>): Promise<void> {
    this.#config = { ...this.#config, pricing: { ...this.#config.pricing, list } }
    await this.#apply()
  }

  async #apply(): Promise<void> {
    const { keys, engine } = this.#ports
    const next = await proxySettings(this.#config, keys.keyring(), engine, this.#prices)
    this.#use({
      ...next,
      upstreams: this.#upstreams,
      models: this.#models,
      paths: this.#paths,
      ...(this.#inspector ? { inspector: this.#inspector } : {}),
      // Keys may have changed meanwhile: one that was revoked must not come back.
      keyring: keys.keyring(),
    })
  }

  #use(settings: ProxySettings): void {
    const { keyring, browsers, paths } = settings
    const { auth, providers } = this.#config
    this.#proxy = settings
    this.#api = { keyring, gatewayKeyField: auth.header, paths, browsers, providers }
    for (const exchange of this.#ports.open) breakOffKeyless(exchange, settings)
  }
}

function upstreamsOf(
  { providers, auth, server }: Config,
  credentials: LiveSettingsPorts['credentials'],
): RouteTable {
  return new RouteTable(providers, {
    gatewayKeyField: auth.header,
    forwardClientFields: server.forwardClientFields,
    credentialsOf: (provider) => credentials.poolOf(provider),
  })
}

function modelsOf({ models, providers, routing }: Config): ModelDirectory {
  return new ModelDirectory(models, providers, routing.defaultProvider)
}

/** Tells which targets are the same as before: those of providers that did not change. */
function keptTargets(before: Config, after: Config): (target: string) => boolean {
  const same = new Set(
    after.providers
      .filter((provider) => before.providers.some((old) => JSON.stringify(old) === JSON.stringify(provider)))
      .map(({ name }) => name),
  )
  return (target) => same.has(target.slice(0, target.indexOf('/')))
}

/** Looks at content on its way, when a policy wants that. */
function inspectorOf(redaction: RedactionSettings): Inspector | undefined {
  if (!new Scopes(redaction).guards) return undefined
  return new Inspector(redaction, WORKER_URLS.inspection)
}
