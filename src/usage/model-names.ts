import { resolveAlias } from './model-aliases.ts'
import { vendorNamed } from './vendor-names.ts'

/** The names of an exchange's model, unchanged. Absent where none was given. */
export interface ModelNames {
  /** From the response. */
  readonly answered?: string | undefined
  /** From the request's content, or its query if the content has none. */
  readonly requested?: string | undefined
  /** From the request's path: a model, an inference profile, a deployment. */
  readonly path?: string | undefined
}

/** The names in a request's target, as `modelsOfTarget` reads them. Empty for none. */
interface TargetNames {
  readonly path: string
  readonly deployment: string
  readonly query: readonly string[]
}

/** The names in a request. @param content the name in its content; `undefined` if it names none or was not read */
export function askedNames(
  { path, deployment, query }: TargetNames,
  content: string | undefined,
): ModelNames {
  const requested = (content || query[0] || '').slice(0, MAX_NAME_LENGTH)
  const inPath = (path || deployment).slice(0, MAX_NAME_LENGTH)
  return { ...(requested === '' ? {} : { requested }), ...(inPath === '' ? {} : { path: inPath }) }
}

/** Where a name stood. */
export type NamedBy = keyof ModelNames

/** One of the names, and where it stood. */
export interface NamedModel {
  readonly name: string
  readonly by: NamedBy
}

/** Longest name that is matched. Traces keep no longer ones. */
const MAX_NAME_LENGTH = 256

/**
 * The names to look up a model by, most specific first. Every price lookup uses this order.
 *
 * 1. The name that the upstream used: the path's, or else the content's. It must mean the responding model and say
 *    more: where it ran (`global.…`), or which variant (`…:free`).
 * 2. The response's own name, because it is dated.
 * 3. The path's name, which the upstream uses whatever the content says.
 * 4. The name in the content. Beside a path with a model it counts only if it means the same model. The upstream does
 *    not read it there, and a client must not choose its price.
 */
export function namesInOrder(names: ModelNames): readonly NamedModel[] {
  const answered = trimmed(names.answered)
  const path = trimmed(names.path)
  let requested = trimmed(names.requested)
  if (path !== '' && !isSameModel(requested, path) && !isSameModel(requested, answered)) requested = ''
  const all: NamedModel[] = [
    { name: answered, by: 'answered' },
    { name: path, by: 'path' },
    { name: requested, by: 'requested' },
  ]
  // The name that the upstream used.
  const asked = all[path === '' ? 2 : 1]!
  if (saysMore(asked.name, answered)) all.unshift(asked)
  return all.filter(
    ({ name }, index) => name !== '' && all.findIndex((other) => other.name === name) === index,
  )
}

/**
 * The forms of a name: unchanged, without folders that only locate the model (`models/…`, `publishers/…`, an ARN),
 * and without the place of an inference profile (`us.anthropic.…`).
 */
export function formsOf(name: string): readonly string[] {
  const bare = withoutFolders(name)
  return [...new Set([name, bare, bare.replace(PLACE, '')])]
}

/** A name in one of its forms. */
export interface NameForm {
  readonly form: string
  readonly named: NamedModel
}

/** Every form of every name, in the order of the names. */
export function nameForms(names: ModelNames): readonly NameForm[] {
  return namesInOrder(names).flatMap((named) => formsOf(named.name).map((form) => ({ form, named })))
}

/** The first of the names that an own price's model matches; `undefined` for none. @param forms all of `nameForms` */
export function nameMatching(pattern: string, forms: readonly NameForm[]): NamedModel | undefined {
  return forms.find(({ form }) => matchesModel(pattern, form))?.named
}

/** Whether the model of an own price names a model, exactly or by a prefix that ends in `*`. */
export function matchesModel(pattern: string, model: string): boolean {
  return pattern.endsWith('*') ? model.startsWith(pattern.slice(0, -1)) : model === pattern
}

/** What to look up in a price list. */
export interface Lookup {
  /** Lower case. */
  readonly name: string
  readonly named: NamedModel
  /** Why a price found by it is not certain. Absent when it is. */
  readonly doubt?: string
}

/** The names in order, without those of another model than the one that answered. */
function namesMeant(names: ModelNames): readonly NamedModel[] {
  const [first, ...others] = namesInOrder(names)
  if (!first) return []
  if (!names.answered) return [first, ...others]
  return [first, ...others.filter(({ name }) => isSameModel(name, first.name))]
}

/**
 * What to look up in the operator's own list: the names unchanged. An operator who lists an alias states its price.
 * The list does not say which model a deployment runs, or what a variant costs.
 */
export function spellingsAsSaid(names: ModelNames, vendor: string): readonly Lookup[] {
  const candidates = namesMeant(names)
  return candidates.flatMap((named) => {
    const doubts = nameDoubts(named, candidates[0]!, names, vendor)
    return formsOf(named.name.toLowerCase()).map((name) => lookup(name, named, doubts))
  })
}

/**
 * What to look up in a vendor's price list, in order: the forms of every name, with an alias replaced by its model. A
 * name of another model than the responding one is left out, because another model has another price.
 *
 * @param vendor the bundled list's name for the provider
 * @param at epoch milliseconds
 */
export function lookupsOf(names: ModelNames, vendor: string, at: number): readonly Lookup[] {
  const candidates = namesMeant(names)
  const [first] = candidates
  if (!first) return []
  return candidates.flatMap((named) => {
    const doubts = nameDoubts(named, first, names, vendor)
    return formsOf(named.name.toLowerCase()).flatMap((form) =>
      spellingsOf(form, vendor, at).map(({ name, doubt }) =>
        lookup(name, named, doubt === undefined ? doubts : [...doubts, doubt]),
      ),
    )
  })
}

function lookup(name: string, named: NamedModel, doubts: readonly string[]): Lookup {
  return doubts.length === 0 ? { name, named } : { name, named, doubt: doubts.join('; ') }
}

/** Why a name may not determine the price. @param first the most specific name */
function nameDoubts(named: NamedModel, first: NamedModel, names: ModelNames, vendor: string): string[] {
  return [...givenNameDoubts(named, names, vendor), ...variantDoubts(named, first)]
}

/** Names chosen by operators: they reveal neither the model nor the place. */
function givenNameDoubts(
  { name }: NamedModel,
  { answered, path = '' }: ModelNames,
  vendor: string,
): string[] {
  if (vendor === 'azure' && !answered) {
    return [`${name} is a deployment, and which model it runs is not known`]
  }
  // Names of models and of Amazon's own profiles have a dot behind the vendor.
  if (vendor === 'aws' && answered && path !== '' && !path.includes('.')) {
    return [`${path} is a profile, and where it runs is not known`]
  }
  return []
}

/** A variant that no list has is not the plain model: `…:free` costs nothing. */
function variantDoubts({ name }: NamedModel, first: NamedModel): string[] {
  const variant = VARIANT.exec(first.name.toLowerCase())?.[0]
  if (variant === undefined || VARIANT.test(name.toLowerCase())) return []
  return [`no price for ${first.name}; that of ${name} was used`]
}

type Spelling = Pick<Lookup, 'name' | 'doubt'>

function spellingsOf(name: string, vendor: string, at: number): readonly Spelling[] {
  const own = name.replace(VENDOR_FOLDER, (folder, id: string) => (vendorNamed(id) === vendor ? '' : folder))
  const all = own === name ? [name] : [name, own]
  return all.flatMap((spelling): readonly Spelling[] => {
    const alias = resolveAlias(vendor, spelling, at)
    if (!alias) return [{ name: spelling }, ...routedBase(spelling, vendor)]
    const { model, doubt } = alias
    const resolved = doubt === undefined ? { name: model } : { name: model, doubt }
    if (model === spelling) return [resolved]
    return [resolved, { name: spelling, doubt: `${spelling} stood for ${model}, which no price list has` }]
  })
}

/** Ways in which OpenRouter chooses a provider. The model is the same; the price is that of the chosen provider. */
const ROUTING = /:(?:nitro|floor|exacto|online)$/

function routedBase(name: string, vendor: string): readonly Spelling[] {
  const variant = vendor === 'openrouter' ? ROUTING.exec(name)?.[0] : undefined
  if (variant === undefined) return []
  return [{ name: name.slice(0, -variant.length), doubt: `${variant} may cost more or less than the model` }]
}

/** `openai/gpt-4o`: the vendor of a model, as routers and SDKs write it. */
const VENDOR_FOLDER = /^([a-z0-9_-]+)\/(?=.)/

/** Vendors that the names of an exchange are prefixed with (`openai/gpt-4o`), in the order of the names. */
export function vendorsInNames(names: ModelNames): readonly string[] {
  return namesInOrder(names).flatMap(({ name }) => {
    const folder = VENDOR_FOLDER.exec(name.toLowerCase())?.[1]
    return folder === undefined ? [] : [vendorNamed(folder)]
  })
}

/** Whether two names mean the same model, in any version, place or variant. Never for an empty name. */
export function isSameModel(one: string, other: string): boolean {
  return one !== '' && other !== '' && familyOf(one) === familyOf(other)
}

/** `arn:…:inference-profile/NAME`, `projects/…/publishers/google/models/NAME`, `models/NAME`. */
const FOLDERS = /^(?:arn:.*\/|(?:.*\/)?models\/)/

/** Where an inference profile of Amazon Bedrock runs; a vendor follows. */
const PLACE = /^(?:global|us-gov|us|eu|apac|jp|au|ca|in|sa|me|af)\.(?=[a-z0-9]+\.)/

/** A serving variant: `:free`, `:nitro`. Numbers are revisions. */
const VARIANT = /:[a-z][a-z-]*$/

function withoutFolders(name: string): string {
  return name.replace(FOLDERS, '')
}

function trimmed(name: string | undefined): string {
  return (name ?? '').slice(0, MAX_NAME_LENGTH).trim()
}

function saysMore(name: string, than: string): boolean {
  if (!isSameModel(name, than)) return false
  return [PLACE, VARIANT].some((part) => part.test(bareName(name)) && !part.test(bareName(than)))
}

function bareName(name: string): string {
  return withoutFolders(name.toLowerCase())
}

/** Dates, revisions and stages at the end of a name. Few: see `BENIGN_SUFFIX` of the price lists' names. */
const VERSION =
  /(?:[-@](?:20\d{6}|20\d{2}-\d{2}-\d{2}|\d{2}-20\d{2}|\d{3,4}|default|latest)|-v\d+(?::\d+)*|:\d+)$/

/** A model without its place, vendor, variant and version. */
function familyOf(name: string): string {
  let family = bareName(name)
    .replace(PLACE, '')
    .replace(/^.*\//, '')
    .replace(/^[a-z0-9]+\.(?=[a-z])/, '')
    .replace(VARIANT, '')
  for (let times = 0; times < 3; times += 1) family = family.replace(VERSION, '')
  return family
}
