/** Where a request may be sent: a provider, and the model to ask it for. Plain data. */
export interface Target {
  /** `provider/model`, unique within its alias; a very long model is cut. States of health are kept under it. */
  readonly name: string
  /** Name of an enabled provider. */
  readonly provider: string
  /** What the provider calls the model; `undefined` when the request goes as it was asked. */
  readonly model: string | undefined
  /** From 1. A target is used only while no lower tier has one that is available. */
  readonly tier: number
  /** Its share among the targets of its tier; above 0. */
  readonly weight: number
  /** `providers.<name>.region`; empty when it is not configured. */
  readonly region: string
  /** `providers.<name>.zero_retention`. */
  readonly zeroRetention: boolean
}

/** Where a request names its model, as `mutated` of a trace says it. */
export type ModelPlace = 'model' | 'path.model' | 'form.model'

/** By what the requests of one caller stay at one target. */
export type Affinity = 'session' | 'end_user' | 'none'

/** The targets of one request. All of them speak its dialect, meet what the alias requires, and are allowed for its key. */
export interface TargetPlan {
  /** The name in `models`; `undefined` for `provider/model` and for a plain name, which have one target. */
  readonly alias: string | undefined
  /** At least one, in the order of the configuration. */
  readonly targets: readonly Target[]
  readonly affinity: Affinity
  /** Where the name of a target's model is written; `undefined` when the request goes as it came. */
  readonly rewrite: ModelPlace | undefined
}
