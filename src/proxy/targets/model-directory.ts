import type { CompiledRules } from '../../access/key-rules.ts'
import { GatewayError } from '../../errors.ts'
import type { ModelDialect, ServedAt, SpokenDialects } from '../../providers/dialects/dialect.ts'
import { placeOfCall } from '../../providers/dialects/place-of-call.ts'
import { servedDialects } from '../../providers/dialects/served-dialects.ts'
import type { ProviderConfig } from '../../providers/settings.ts'
import { nearest } from '../../wire/nearest.ts'
import { meetsRequirement } from './requirement.ts'
import type { ModelConfig, RoutingConfig } from './settings.ts'
import type { Affinity, ModelPlace, Target, TargetPlan } from './target.ts'

/** What a name of a model is resolved by. */
export interface ModelQuestion {
  /** As the request has it; not empty. */
  readonly name: string
  readonly dialect: ModelDialect
  /** Where the name stands. */
  readonly place: ModelPlace
  /** The rules of the caller's key; `undefined` without one. */
  readonly rules: CompiledRules | undefined
  /** The request on a model route; absent where no request is sent there, and any call will do. */
  readonly call?: { readonly path: string; readonly streaming: boolean }
}

/** An alias with the targets that meet its requirement. */
interface Alias {
  readonly name: string
  readonly affinity: Affinity
  readonly targets: readonly Target[]
}

/** A model's name at one provider: as it was asked, another one, or its targets are elsewhere. */
export type NameAtProvider =
  | { readonly kind: 'same' }
  | { readonly kind: 'other'; readonly model: string }
  | { readonly kind: 'elsewhere' }

/** Longest name that a message repeats. */
const MAX_SHOWN = 128

/** Longest model in the name of a target. States and records keep that name, and callers make models up. */
const MAX_NAMED = 256

const NAMES: Readonly<Record<ModelDialect, string>> = {
  openai: 'OpenAI',
  anthropic: 'Anthropic',
  gemini: 'Gemini',
}

/** The names of models that callers may use, and the targets behind them. One for each configuration. */
export class ModelDirectory {
  readonly #aliases: ReadonlyMap<string, Alias>
  readonly #providers: ReadonlyMap<string, ProviderConfig>
  readonly #spoken: ReadonlyMap<string, SpokenDialects>
  readonly #defaults: RoutingConfig['defaultProvider']
  /** Providers that are a target of an alias. */
  readonly #aliased: ReadonlySet<string>
  /** Names of the targets of all aliases. */
  readonly #targets: ReadonlySet<string>

  /** @param providers those that are enabled */
  constructor(
    models: readonly ModelConfig[],
    providers: readonly ProviderConfig[],
    defaults: RoutingConfig['defaultProvider'],
  ) {
    this.#providers = new Map(providers.map((provider) => [provider.name, provider]))
    this.#spoken = new Map(
      providers.map(({ name, upstream, api }) => [name, servedDialects(new URL(upstream), api)]),
    )
    this.#defaults = defaults
    this.#aliases = new Map(models.map((model) => [model.name, this.#aliasOf(model)]))
    const targets = [...this.#aliases.values()].flatMap((alias) => alias.targets)
    this.#aliased = new Set(targets.map(({ provider }) => provider))
    this.#targets = new Set(targets.map(({ name }) => name))
  }

  /** Whether a request below the prefix of a provider may name an alias. */
  mayRoute(provider: string): boolean {
    return this.#aliased.has(provider)
  }

  /** The provider of plain names, if it is enabled; `undefined` for none. */
  defaultProvider(dialect: ModelDialect): string | undefined {
    const name = this.#defaults[dialect]
    return this.#providers.has(name) ? name : undefined
  }

  /** Every alias, in the order of the file. */
  get aliases(): Iterable<Alias> {
    return this.#aliases.values()
  }

  /** Whether some alias has a target of that name, `provider/model`. */
  hasTarget(name: string): boolean {
    return this.#targets.has(name)
  }

  /** Whether an alias has a target: its provider may be gone since, or meet the alias's requirement no longer. */
  offers(alias: string, { name }: Target): boolean {
    return this.#aliases.get(alias)?.targets.some((target) => target.name === name) === true
  }

  /** Where a provider serves a dialect below its base URL; `undefined` where it does not. */
  servedAt(provider: string, dialect: ModelDialect): ServedAt | undefined {
    return this.#spoken.get(provider)?.[dialect]
  }

  /**
   * The targets of a name: an alias first, then `provider/model`, then the default provider of the dialect.
   *
   * @throws GatewayError `model_not_found`, `no_target_for_api` or `not_allowed_for_key`
   */
  resolve(question: ModelQuestion): TargetPlan {
    const { name, place } = question
    const alias = this.#aliases.get(name)
    if (alias) return this.#planOf(alias, alias.targets, question)
    const slash = name.indexOf('/')
    const provider = slash > 0 ? this.#providers.get(name.slice(0, slash)) : undefined
    if (provider && slash < name.length - 1) {
      const target = targetOf(provider, name.slice(slash + 1), { weight: 1, tier: 1 })
      return { alias: undefined, targets: [this.#single(target, question)], affinity: 'none', rewrite: place }
    }
    const byDefault = this.#providers.get(this.#defaults[question.dialect])
    if (!byDefault) throw this.#notFound(question)
    const asked = this.#single(targetOf(byDefault, name, { weight: 1, tier: 1 }), question)
    return {
      alias: undefined,
      targets: [{ ...asked, model: undefined }],
      affinity: 'none',
      rewrite: undefined,
    }
  }

  /**
   * The targets of an alias that are of one provider, for a request below its prefix.
   *
   * @returns `undefined` when the name is no alias with such a target: then the request goes as it came
   * @throws GatewayError as `resolve` does
   */
  resolveWithin(provider: string, question: ModelQuestion): TargetPlan | undefined {
    const alias = this.#aliases.get(question.name)
    const own = alias?.targets.filter((target) => target.provider === provider) ?? []
    if (!alias || own.length === 0) return undefined
    return this.#planOf(alias, own, question, 'prefix')
  }

  /** What a provider calls a model that is asked for on a connection to it. */
  nameAt(provider: string, name: string): NameAtProvider {
    const alias = this.#aliases.get(name)
    const slash = name.indexOf('/')
    const at = slash > 0 ? name.slice(0, slash) : ''
    if (!alias && !this.#providers.has(at)) return { kind: 'same' }
    const model = alias
      ? alias.targets.find((target) => target.provider === provider)
      : at === provider && { model: name.slice(slash + 1) }
    if (!model) return { kind: 'elsewhere' }
    return model.model === undefined ? { kind: 'same' } : { kind: 'other', model: model.model }
  }

  #planOf(
    alias: Alias,
    targets: readonly Target[],
    question: ModelQuestion,
    by: 'model' | 'prefix' = 'model',
  ): TargetPlan {
    const { place } = question
    const speaking = by === 'prefix' ? targets : targets.filter((target) => this.#takes(target, question))
    if (speaking.length === 0) throw this.#noTarget(alias.name, targets, question)
    const eligible = this.#eligible(speaking, question, alias.name)
    return { alias: alias.name, targets: eligible, affinity: alias.affinity, rewrite: place }
  }

  /** The targets that a key may use. Its `models` must match the alias, else the target. */
  #eligible(targets: readonly Target[], { rules }: ModelQuestion, alias: string): readonly Target[] {
    if (!rules || !(rules.restrictsModels || rules.restrictsProviders)) return targets
    const byAlias = rules.allowsModel(alias)
    const allowed = targets.filter(
      ({ name, provider, model }) =>
        rules.allowsProvider(provider) &&
        (byAlias || rules.allowsModel(name) || (model !== undefined && rules.allowsModel(model))),
    )
    if (allowed.length === 0) throw notAllowed(alias)
    return allowed
  }

  #single(target: Target, question: ModelQuestion): Target {
    const { rules, name } = question
    if (!this.#takes(target, question)) throw this.#noTarget(name, [target], question)
    const { provider, model = '' } = target
    if (rules && !(rules.allowsModel(`${provider}/${model}`) || rules.allowsModel(model)))
      throw notAllowed(name)
    return target
  }

  #takes({ provider, model }: Target, { dialect, name, call }: ModelQuestion): boolean {
    const servedAt = this.servedAt(provider, dialect)
    if (servedAt === undefined || !call) return servedAt !== undefined
    return placeOfCall(servedAt, { ...call, model: model ?? name }) !== undefined
  }

  #noTarget(name: string, targets: readonly Target[], { dialect, call }: ModelQuestion): GatewayError {
    if (call && targets.some(({ provider }) => this.servedAt(provider, dialect) !== undefined)) {
      const what = call.streaming ? 'streams as the API' : `takes ${call.path} as the API`
      return new GatewayError(
        'no_target_for_api',
        `no target of model ${name.slice(0, MAX_SHOWN)} ${what} of ${NAMES[dialect]} does`,
      )
    }
    const spoken = targets.flatMap(({ provider }) => Object.keys(this.#spoken.get(provider) ?? {}))
    const others = [...new Set(spoken)].map((one) => NAMES[one as ModelDialect])
    const hint = others.length === 0 ? '' : `; ask for it by the API of ${others.join(' or ')}`
    return new GatewayError(
      'no_target_for_api',
      `no target of model ${name.slice(0, MAX_SHOWN)} speaks the API of ${NAMES[dialect]}${hint}`,
    )
  }

  #notFound({ name, dialect, rules }: ModelQuestion): GatewayError {
    const shown = name.slice(0, MAX_SHOWN)
    const names = [...this.#aliases.keys()].filter((alias) => rules?.allowsModel(alias) !== false)
    const close = nearest(name, names)
    const known = names.length === 0 ? '' : `; known names are ${names.slice(0, 20).join(', ')}`
    return new GatewayError(
      'model_not_found',
      `model ${shown} is not known, and no provider takes plain names of the API of ${NAMES[dialect]} (routing.default_provider.${dialect})${close === undefined ? known : `; did you mean ${close}?`}`,
    )
  }

  #aliasOf({ name, affinity, targets, require }: ModelConfig): Alias {
    return {
      name,
      affinity,
      targets: targets.flatMap(({ provider: at, model, weight, tier }) => {
        const provider = this.#providers.get(at)
        if (!provider || !meetsRequirement(provider, require)) return []
        const target = targetOf(provider, model || name, { weight, tier })
        return [model === '' ? { ...target, model: undefined } : target]
      }),
    }
  }
}

function targetOf(
  { name: provider, region, zeroRetention }: ProviderConfig,
  model: string,
  { weight, tier }: Pick<Target, 'weight' | 'tier'>,
): Target {
  const name = `${provider}/${model.slice(0, MAX_NAMED)}`
  return { name, provider, model, tier, weight, region, zeroRetention }
}

function notAllowed(name: string): GatewayError {
  return new GatewayError(
    'not_allowed_for_key',
    `gateway key is not allowed for model ${name.slice(0, MAX_SHOWN)}`,
  )
}
