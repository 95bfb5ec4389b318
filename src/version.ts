declare const ONGOINGAI_VERSION: string | undefined
declare const ONGOINGAI_COMMIT: string | undefined
declare const ONGOINGAI_DATE: string | undefined

// The three constants are replaced when the executable is built; from source they do not exist.
const version = typeof ONGOINGAI_VERSION === 'string' ? ONGOINGAI_VERSION : 'dev'
const commit = typeof ONGOINGAI_COMMIT === 'string' ? ONGOINGAI_COMMIT : 'none'
const date = typeof ONGOINGAI_DATE === 'string' ? ONGOINGAI_DATE : 'unknown'

/** The version line shown everywhere: `<version> (<commit>, <date>)`; `dev (none, unknown)` from source. */
export const VERSION = `${version} (${commit}, ${date})`
