import type { CompiledRules } from '../../access/key-rules.ts'
import { GatewayError } from '../../errors.ts'
import type { ModelDialect, OfferedModel } from '../../providers/dialects/dialect.ts'
import type { Caller } from '../../traces/exchange.ts'
import type { ModelDirectory } from '../targets/model-directory.ts'
import type { Target } from '../targets/target.ts'
import type { CatalogProvider, ModelCatalog } from './model-catalog.ts'

/** Who asks for models, and in which dialect. */
export interface ModelsRequest {
  readonly dialect: ModelDialect
  readonly caller: Caller
  /** `undefined` without a key. */
  readonly rules: CompiledRules | undefined
}

/** Where models are looked up. */
export interface ModelSources {
  readonly directory: ModelDirectory
  readonly catalog: ModelCatalog
  /** A provider that is enabled. */
  readonly provider: (name: string) => CatalogProvider
}

const DIALECTS: readonly ModelDialect[] = ['openai', 'anthropic', 'gemini']

/**
 * The models that a caller may use in a dialect: the aliases, each with the details of the first target of its first tier. Without aliases, the
 * priced models of the default providers that speak the dialect.
 */
export function offeredModels(request: ModelsRequest, sources: ModelSources): OfferedModel[] {
  const aliases = [...sources.directory.aliases]
  const names = aliases.length > 0 ? aliases.map(({ name }) => name) : namesWithoutAliases(request, sources)
  return names.flatMap((name) => {
    try {
      return [offered(name, request, sources)]
    } catch (error) {
      // The key may not use it, or no target speaks the dialect.
      if (error instanceof GatewayError) return []
      throw error
    }
  })
}

/**
 * One model that a caller may use.
 *
 * @throws GatewayError when there is none of that name, or the caller may not use it
 */
export function offeredModel(name: string, request: ModelsRequest, sources: ModelSources): OfferedModel {
  const model = offered(name, request, sources)
  const { directory } = sources
  const isAlias = [...directory.aliases].some((alias) => alias.name === name)
  const isPlain = !isAlias && !name.startsWith(`${model.provider}/`)
  if (isPlain && Object.keys(model.details).length === 0) {
    const shown = name.slice(0, 128)
    const message = `model ${shown} is in no price list; requests for it go to ${model.provider}, which may know it`
    throw new GatewayError('model_not_found', message)
  }
  return model
}

/** Plain names at the default provider of the dialect; `provider/model` at the others that speak it. */
function namesWithoutAliases(
  { dialect }: ModelsRequest,
  { directory, catalog, provider }: ModelSources,
): string[] {
  const own = directory.defaultProvider(dialect)
  const providers = new Set(DIALECTS.flatMap((one) => directory.defaultProvider(one) ?? []))
  return [...providers]
    .filter((name) => directory.servedAt(name, dialect) !== undefined)
    .flatMap((name) =>
      catalog.namesAt(provider(name)).map((model) => (name === own ? model : `${name}/${model}`)),
    )
}

function offered(
  name: string,
  { dialect, caller, rules }: ModelsRequest,
  { directory, catalog, provider }: ModelSources,
): OfferedModel {
  const { targets } = directory.resolve({ name, dialect, place: 'model', rules })
  const first = targets.reduce<Target>(
    (best, target) => (target.tier < best.tier ? target : best),
    targets[0]!,
  )
  if (rules?.allowsProvider(first.provider) === false) {
    throw new GatewayError('not_allowed_for_key', `gateway key is not allowed for provider ${first.provider}`)
  }
  const details = catalog.detailsOf(provider(first.provider), first.model ?? name, caller)
  return { name, provider: first.provider, details }
}
