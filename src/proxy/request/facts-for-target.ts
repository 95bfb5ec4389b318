import { askedNames } from '../../usage/model-names.ts'
import type { ModelPlace } from '../targets/target.ts'
import type { RequestFacts } from './request-facts.ts'

const NO_NAMES = { path: '', deployment: '', query: [] }

/**
 * The facts of a request as its target gets it: limits and prices go by the target's name for the model.
 *
 * @param place where the name stands; `undefined` when the request goes as it came
 */
export function factsForTarget(
  facts: RequestFacts,
  model: string,
  place: ModelPlace | undefined,
): RequestFacts {
  if (place === undefined) return facts
  const names =
    place === 'path.model' ? askedNames({ ...NO_NAMES, path: model }, undefined) : askedNames(NO_NAMES, model)
  return { ...facts, model, names, models: [model] }
}
