import type { ModelDialect } from '../../providers/dialects/dialect.ts'
import type { ChooserSettings } from './chooser.ts'
import type { Affinity } from './target.ts'

/** One of `models`: a name that callers put into `model`, and where such requests may go. */
export interface ModelConfig {
  readonly name: string
  /** At least one, in the order of the file. */
  readonly targets: readonly TargetConfig[]
  readonly affinity: Affinity
  readonly require: {
    /** Regions that are allowed; empty for any. */
    readonly region: readonly string[]
    readonly zeroRetention: boolean
  }
}

/** One target of a model. */
export interface TargetConfig {
  /** Name of an enabled provider. */
  readonly provider: string
  /** What the provider calls the model; empty for the name that was asked for. */
  readonly model: string
  readonly weight: number
  readonly tier: number
}

/** `routing`. Sizes are bytes. */
export interface RoutingConfig extends ChooserSettings {
  /** Of a stream, before its first content event is passed on. */
  readonly holdBytes: number
  /** Of request content, for a second attempt. */
  readonly replayBytes: number
  /** Where plain names of models go, by dialect. A provider that is not enabled takes none. */
  readonly defaultProvider: Readonly<Record<ModelDialect, string>>
  /** Adds the attempts and the target to responses. */
  readonly expose: boolean
}
