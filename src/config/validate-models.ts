import { hiddenModelRoutes } from '../providers/model-routes.ts'
import { isLoopbackHost } from '../http/loopback.ts'
import type { ProviderConfig } from '../providers/settings.ts'
import { meetsRequirement } from '../proxy/targets/requirement.ts'
import type { ModelConfig, RoutingConfig, TargetConfig } from '../proxy/targets/settings.ts'
import type { Affinity } from '../proxy/targets/target.ts'
import { CREDENTIAL_FIELDS } from '../traces/provider-credential.ts'
import { nearest } from '../wire/nearest.ts'
import { quote } from './scalar.ts'
import type { Wrong } from './validate-providers.ts'

const AFFINITIES: readonly string[] = ['session', 'end_user', 'none'] satisfies Affinity[]

/** A model as decoded, not yet checked. */
export interface RawModel {
  readonly name: string
  readonly targets: readonly TargetConfig[]
  readonly affinity: string
  readonly require: ModelConfig['require']
}

/** Reports mistakes and doubts about settings. */
interface Reports {
  readonly wrong: Wrong
  readonly doubtful: Wrong
}

/** Checks `models` and builds them. @param providers those that are enabled */
export function checkModels(
  raw: readonly RawModel[],
  providers: readonly ProviderConfig[],
  { wrong, doubtful }: Reports,
): ModelConfig[] {
  const names = new Map<string, number>()
  return raw.map((given, i) => {
    const path = `models[${i}]`
    const name = given.name.trim()
    const first = names.get(name)
    if (name === '') wrong(`${path}.name`, `${path}.name is required; write what callers put into model`)
    else if (first !== undefined)
      wrong(`${path}.name`, `${path}.name: ${quote(name)} is already the name of models[${first}]`)
    else names.set(name, i)
    const slash = name.indexOf('/')
    if (slash > 0 && providers.some((provider) => provider.name === name.slice(0, slash)))
      doubtful(
        `${path}.name`,
        `${path}.name reads like a model of a provider (got ${quote(name)}); it hides that model`,
      )
    const targets = checkTargets(given, providers, path, wrong)
    const model: ModelConfig = {
      name,
      targets,
      affinity: checkAffinity(given.affinity, path, wrong),
      require: {
        region: given.require.region.map((region) => region.trim()).filter(Boolean),
        zeroRetention: given.require.zeroRetention,
      },
    }
    checkRequirement(model, providers, path, { wrong, doubtful })
    checkCredentialsStay(model, providers, path, wrong)
    return model
  })
}

function checkTargets(
  { name, targets }: RawModel,
  providers: readonly ProviderConfig[],
  path: string,
  wrong: Wrong,
): TargetConfig[] {
  if (targets.length === 0)
    wrong(
      `${path}.targets`,
      `${path}.targets must hold a target; write such as { provider: openai, model: … }`,
    )
  const seen = new Map<string, number>()
  return targets.map((given, i) => {
    const at = `${path}.targets[${i}]`
    const [provider, model] = [given.provider.trim(), given.model.trim()]
    checkProvider(provider, providers, at, wrong)
    const target = `${provider}/${model || name.trim()}`
    const twin = seen.get(target)
    if (twin !== undefined)
      wrong(at, `${at} is the same as ${path}.targets[${twin}] (${target}); give one of them more weight`)
    else seen.set(target, i)
    if (!(given.weight > 0 && Number.isFinite(given.weight)))
      wrong(
        `${at}.weight`,
        `${at}.weight must be above 0 (got ${given.weight}); to use no share of it, remove it`,
      )
    if (given.tier < 1) wrong(`${at}.tier`, `${at}.tier must be >= 1 (got ${given.tier})`)
    return { provider, model, weight: given.weight, tier: given.tier }
  })
}

function checkProvider(name: string, providers: readonly ProviderConfig[], at: string, wrong: Wrong): void {
  const known = providers.map((provider) => provider.name)
  if (known.includes(name)) return
  const close = nearest(name, known)
  const hint = close === undefined ? `; known are ${known.join(', ')}` : `; did you mean ${close}?`
  const what = name === '' ? 'is required' : `is no enabled provider (got ${quote(name)})`
  wrong(`${at}.provider`, `${at}.provider ${what}${hint}`)
}

function checkAffinity(given: string, path: string, wrong: Wrong): Affinity {
  const affinity = given.trim()
  if (!AFFINITIES.includes(affinity))
    wrong(
      `${path}.affinity`,
      `${path}.affinity must be one of ${AFFINITIES.join(', ')} (got ${quote(given)})`,
    )
  return affinity as Affinity
}

/** Finds requirements that no target meets, and targets that are never used because of one. */
function checkRequirement(
  { targets, require }: ModelConfig,
  providers: readonly ProviderConfig[],
  path: string,
  { wrong, doubtful }: Reports,
): void {
  const known = targets.flatMap((target, i) => {
    const provider = providers.find(({ name }) => name === target.provider)
    return provider ? [{ i, provider }] : []
  })
  const out = known.filter(({ provider }) => !meetsRequirement(provider, require))
  if (out.length === 0) return
  if (out.length === known.length) {
    const has = out.map(
      ({ provider: { name, region, zeroRetention } }) =>
        `${name} has region ${quote(region)}, zero_retention ${zeroRetention}`,
    )
    wrong(`${path}.require`, `${path}.require is met by no target: ${[...new Set(has)].join('; ')}`)
  } else {
    for (const { i, provider } of out)
      doubtful(
        `${path}.targets[${i}]`,
        `${path}.targets[${i}] is never used: ${provider.name} does not meet ${path}.require`,
      )
  }
}

/**
 * A caller's own credential is for one provider. Where the caller's is sent, a failure must not take it to another one, so all but one of the
 * targets' providers need credentials of the gateway. Servers of this machine may share it.
 */
function checkCredentialsStay(
  { targets, require }: ModelConfig,
  providers: readonly ProviderConfig[],
  path: string,
  wrong: Wrong,
): void {
  const named = new Set(targets.map(({ provider }) => provider))
  const callers = providers.filter((provider) => {
    const { name, upstream, credentials, credentialHeader, headers } = provider
    return (
      named.has(name) &&
      meetsRequirement(provider, require) &&
      (credentials?.use ?? 'client') !== 'gateway' &&
      !headers.set.some(([field]) => field === credentialHeader || CREDENTIAL_FIELDS.includes(field)) &&
      URL.canParse(upstream) &&
      !isLoopbackHost(new URL(upstream).hostname.replace(/^\[|\]$/g, ''))
    )
  })
  const origins = new Set(callers.map(({ upstream }) => new URL(upstream).origin))
  if (origins.size < 2) return
  const [first, ...others] = callers.map(({ name }) => name)
  wrong(
    `${path}.targets`,
    `${path}.targets: the caller's own credential would be sent to ${first} and to ${others.join(' and ')}; ` +
      `let the gateway hold the credentials of all but one (providers.<name>.credentials, use: gateway)`,
  )
}

/** Checks `routing`, and which model routes a provider's prefix hides. */
export function checkRouting(
  raw: RoutingConfig,
  providers: readonly ProviderConfig[],
  { wrong, doubtful }: Reports,
): RoutingConfig {
  for (const [name, value, least] of [
    ['attempts', raw.attempts, 1],
    ['hold_bytes', raw.holdBytes, 0],
    ['replay_bytes', raw.replayBytes, 0],
    ['breaker.failures', raw.breaker.failures, 1],
    ['breaker.window_ms', raw.breaker.windowMs, 1],
    ['breaker.open_ms', raw.breaker.openMs, 1],
  ] as const) {
    const path = `routing.${name}`
    if (value < least) wrong(path, `${path} must be >= ${least} (got ${value})`)
  }
  if (!(raw.retryBudget >= 0 && raw.retryBudget <= 1))
    wrong('routing.retry_budget', `routing.retry_budget must be between 0 and 1 (got ${raw.retryBudget})`)
  const { openai, anthropic, gemini } = raw.defaultProvider
  const defaults = { openai: openai.trim(), anthropic: anthropic.trim(), gemini: gemini.trim() }
  const known = providers.map(({ name }) => name)
  for (const [dialect, name] of Object.entries(defaults)) {
    // The preset may be off: then plain names are refused.
    if (name === '' || name === dialect || known.includes(name)) continue
    const path = `routing.default_provider.${dialect}`
    const close = nearest(name, known)
    wrong(
      path,
      `${path} is no enabled provider (got ${quote(name)})${close ? `; did you mean ${close}?` : ''}`,
    )
  }
  for (const { name, prefix } of providers) {
    const [route] = hiddenModelRoutes(prefix)
    if (route === undefined) continue
    const path = `providers.${name}.prefix`
    doubtful(path, `${path} ${quote(prefix)} hides the model route ${route}: such requests go to ${name}`)
  }
  return { ...raw, defaultProvider: defaults }
}
