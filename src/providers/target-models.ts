import type { PathReadings } from '../wire/url/path-readings.ts'

/** Where paths name a model: Gemini and Vertex AI, Bedrock. Azure's `/models/embeddings` names a call. */
const MODEL_IN_PATH = [/\/models\/(?!embeddings\/?$)([^/:]+)(?::|\/?$)/gi, /\/model\/([^/]+)\/[a-z-]+\/?$/gi]

/** Where paths name what an operator of Azure calls a model; and the engine of older APIs, which is no version. */
const DEPLOYMENT_IN_PATH = [
  /\/deployments\/([^/]+)(?=\/)/gi,
  /\/engines\/(?!v\d+\/)([^/]+)(?=\/(?:(?:chat\/)?completions|embeddings)\/?$)/gi,
]

/** What stands in every path that names one. Most do not, and one look is quicker than four. */
const NAMES_ONE = /\/(?:models?|deployments|engines)\//i

const MODEL_PARAMETERS = ['model', 'deployment']

/** Models that a request's target names; empty for none. */
export interface TargetModels {
  /** What the path names: the upstream goes by it, whatever the content says. */
  readonly path: string
  /** What the path calls a deployment, whose name may be any. */
  readonly deployment: string
  /** All that the query names; none for most. */
  readonly query: readonly string[]
  /** All of them: a path may name several, and its readings different ones. */
  readonly all: readonly string[]
}

/** The last path that named no model: most requests have the path of the one before. */
let lastWithout = ''

const NO_MODELS: TargetModels = { path: '', deployment: '', query: [], all: [] }

/**
 * The models that the target of a request names.
 *
 * @param readings of the path, with or without the provider's prefix
 * @param query with `?`, or empty
 */
export function modelsOfTarget({ plain, loose }: PathReadings, query: string): TargetModels {
  if (plain === loose && query === '') {
    if (plain === lastWithout) return NO_MODELS
    if (!NAMES_ONE.test(plain)) {
      lastWithout = plain
      return NO_MODELS
    }
  }
  // An empty segment is no part of a name.
  const readings = plain === loose ? [plain] : [plain.replace(/\/{2,}/g, '/'), loose]
  const naming = readings.filter((reading) => NAMES_ONE.test(reading))
  if (naming.length === 0 && query === '') return NO_MODELS
  const paths = namesIn(naming, MODEL_IN_PATH)
  const deployments = namesIn(naming, DEPLOYMENT_IN_PATH)
  const inQuery = query === '' ? [] : modelsOfQuery(query)
  return {
    path: paths[0] ?? '',
    deployment: deployments[0] ?? '',
    query: inQuery,
    all: [...paths, ...deployments, ...inQuery],
  }
}

/** The model that the request's target names, in its path or query; empty for none. Parameters as of `modelsOfTarget`. */
export function modelOfTarget(readings: PathReadings, query: string): string {
  const named = modelsOfTarget(readings, query)
  return named.path || named.deployment || (named.query[0] ?? '')
}

function namesIn(readings: readonly string[], patterns: readonly RegExp[]): string[] {
  return readings.flatMap((reading) =>
    patterns.flatMap((pattern) =>
      // Bedrock also takes the resource name of a profile or a provisioned model, whose last part says most.
      [...reading.matchAll(pattern)].map(([, name = '']) => decoded(name).replace(/^arn:.*[/]/, '')),
    ),
  )
}

function modelsOfQuery(query: string): string[] {
  return [...new URLSearchParams(query)]
    .filter(([name, value]) => MODEL_PARAMETERS.includes(name.toLowerCase()) && value !== '')
    .map(([, value]) => value.slice(0, 256))
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text).slice(0, 256)
  } catch {
    return text.slice(0, 256)
  }
}
