import type { Config } from '../config/config.ts'
import { GatewayError } from '../errors.ts'
import type { ModelDialect } from '../providers/dialects/dialect.ts'
import { ModelDirectory } from '../proxy/targets/model-directory.ts'
import { meetsRequirement } from '../proxy/targets/requirement.ts'
import type { ModelConfig } from '../proxy/targets/settings.ts'
import type { Target } from '../proxy/targets/target.ts'

/** Where requests for a model go, as `models explain` prints it. */
export interface ExplainedModel {
  readonly name: string
  readonly found_by: 'alias' | 'provider' | 'default'
  readonly affinity: string
  /** Of an alias, in the order of the file; empty for other names. */
  readonly targets: readonly ExplainedTarget[]
  readonly apis: readonly ExplainedApi[]
}

interface ExplainedTarget {
  readonly target: string
  readonly tier: number
  /** Of the requests of its tier, while all of its targets are available; 0 to 1. */
  readonly share: number
  readonly region: string
  readonly zero_retention: boolean
  /** Why it is never used; absent when it is. */
  readonly left_out?: string
}

interface ExplainedApi {
  readonly api: ModelDialect
  /** Those that speak it, with the base URL there. */
  readonly targets: readonly { readonly target: string; readonly model: string; readonly url: string }[]
  /** Why none does; absent when one does. */
  readonly refused?: string
}

const APIS: readonly ModelDialect[] = ['openai', 'anthropic', 'gemini']

/** Explains how a name resolves, for a caller whose key allows every model. */
export function explainModel(name: string, config: Config): ExplainedModel {
  const { models, providers, routing } = config
  const directory = new ModelDirectory(models, providers, routing.defaultProvider)
  const alias = models.find((model) => model.name === name)
  const slash = name.indexOf('/')
  const isProvider = providers.some((provider) => provider.name === name.slice(0, Math.max(slash, 0)))
  return {
    name,
    found_by: alias ? 'alias' : isProvider ? 'provider' : 'default',
    affinity: alias?.affinity ?? 'none',
    targets: alias ? targetsOf(alias, config) : [],
    apis: APIS.map((api) => apiOf(api, name, directory, config)),
  }
}

function targetsOf({ name, targets, require }: ModelConfig, { providers }: Config): ExplainedTarget[] {
  const known = targets.map((target) => {
    const provider = providers.find((one) => one.name === target.provider)!
    return { target, provider, used: meetsRequirement(provider, require) }
  })
  return known.map(({ target, provider, used }) => {
    const { tier, weight, model } = target
    const beside = known.filter((one) => one.used && one.target.tier === tier)
    const total = beside.reduce((sum, one) => sum + one.target.weight, 0)
    return {
      target: `${target.provider}/${model || name}`,
      tier,
      share: used ? weight / total : 0,
      region: provider.region,
      zero_retention: provider.zeroRetention,
      ...(used ? {} : { left_out: `${provider.name} does not meet require` }),
    }
  })
}

function apiOf(
  api: ModelDialect,
  name: string,
  directory: ModelDirectory,
  { providers }: Config,
): ExplainedApi {
  try {
    const { targets } = directory.resolve({ name, dialect: api, place: 'model', rules: undefined })
    const urlOf = ({ provider }: Target): string => {
      const { upstream } = providers.find((one) => one.name === provider)!
      const servedAt = directory.servedAt(provider, api)!
      const [path] =
        typeof servedAt === 'string' ? [servedAt] : Object.values(servedAt).map((one) => one.path)
      return `${upstream.replace(/\/+$/, '')}${path}`
    }
    return {
      api,
      targets: targets.map((target) => ({
        target: target.name,
        model: target.model ?? name,
        url: urlOf(target),
      })),
    }
  } catch (error) {
    if (error instanceof GatewayError) return { api, targets: [], refused: error.message }
    throw error
  }
}
