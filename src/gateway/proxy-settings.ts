import type { Keyring } from '../access/keyring.ts'
import { parseNetwork } from '../access/networks.ts'
import type { Config } from '../config/config.ts'
import { BrowserPolicy } from '../http/browser-policy.ts'
import type { LimitEngine } from '../limits/limit-engine.ts'
import { budgetNeedsPrices } from '../limits/policies/caller-limits.ts'
import type { ProxySettings } from '../proxy/proxy-context.ts'
import { limitsLookup } from './limit-services.ts'
import { rememberedRates, type PriceLookup } from './price-lookup.ts'

/** What the request's path needs of the settings, except what holds connections or threads. */
export async function proxySettings(
  config: Config,
  keyring: Keyring | undefined,
  engine: LimitEngine,
  lookup: PriceLookup,
): Promise<Omit<ProxySettings, 'paths' | 'upstreams' | 'models' | 'inspector'>> {
  const { unknownModel } = config.pricing
  const budgets = [...config.limits.policies, ...(keyring?.limits ?? [])].some(({ budget }) =>
    budgetNeedsPrices(budget),
  )
  const rates = unknownModel === 'block' || budgets ? rememberedRates(await lookup.open(config)) : undefined
  return {
    inspection: {
      injectStreamUsage: config.tracing.streamUsage === 'inject',
      ...(unknownModel === 'block'
        ? { hasPrice: (exchange, names) => rates!(exchange, names, Date.now()) !== 'unknown' }
        : {}),
    },
    catalog: () => lookup.catalog(config),
    browsers: new BrowserPolicy(config.server),
    keyring,
    gatewayKeyField: config.auth.header,
    routing: config.routing,
    hashContents: config.tracing.fidelity === 'on',
    gatewayKeyPlaces: config.auth.acceptIn,
    maxBodyBytes: config.server.maxBodyBytes,
    maxHeldBytes: config.server.maxHeldBytes,
    forwardCorrelationId: config.server.forwardCorrelationId,
    propagateTrace: config.telemetry.propagateUpstream,
    trustedProxies: config.server.trustedProxies.flatMap((text) => parseNetwork(text) ?? []),
    limitsOf: limitsLookup(engine),
    ratesOf: budgets ? rates : undefined,
  }
}
