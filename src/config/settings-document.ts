/** Where an effective value comes from. `line` is 1-based. */
export type Origin =
  | { readonly kind: 'default' }
  | {
      readonly kind: 'file'
      readonly line: number
      /** Variables that the file refers to there. */
      readonly variables?: readonly string[]
    }
  | { readonly kind: 'environment'; readonly variable: string }

/** A mistake in the settings. `path` is dotted (`auth.keys[0].token`), `line` 1-based, each absent when unknown. */
export interface Problem {
  readonly message: string
  readonly path?: string
  /** Settings that were probably meant: problems of their values are not reported. */
  readonly meant?: readonly string[]
  readonly line?: number
}

/** The settings as plain values under the file's own names, with the origin of every leaf by path. */
export interface SettingsDocument {
  readonly values: Record<string, unknown>
  readonly origins: Map<string, Origin>
  /** Paths of secrets that stand in the file itself. */
  readonly inlineSecrets: string[]
  /** Files that secrets were read from. */
  readonly secretFiles: string[]
  /** The file is no YAML, or more than one document: nothing of it was decoded. */
  readonly syntax: Problem[]
  readonly problems: Problem[]
  /** Values that are read differently than they look, and work. */
  readonly warnings: Problem[]
  /** References to variables that could not be resolved. They matter only to those who need the value. */
  readonly unresolved: Problem[]
}

/** Reads a text file; throws when it cannot. Used for `<field>_file`. */
export type ReadText = (path: string) => string
