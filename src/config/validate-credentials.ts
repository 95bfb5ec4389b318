import {
  CREDENTIAL_USES,
  type CredentialSettings,
  type CredentialSourceSettings,
  type CredentialUse,
  type HeldCredentialSettings,
} from '../credentials/settings.ts'
import { isLoopbackHost } from '../http/loopback.ts'
import { withoutCredentials } from '../redaction/without-credentials.ts'
import { quote } from './scalar.ts'
import { checkForm } from './validate-credential-form.ts'

/** The credentials of a provider as decoded, not yet checked. */
export interface RawCredentials {
  readonly use: string
  readonly held: readonly RawHeld[]
}

interface RawHeld {
  readonly name: string
  readonly env: string
  readonly file: string
  readonly command: readonly string[]
  readonly tokenExchange: RawTokenExchange
  readonly type: string
  readonly region: string
  readonly service: string
  readonly weight: number
  readonly refreshS: number
}

interface RawTokenExchange {
  readonly url: string
  readonly subjectTokenFile: string
  readonly subjectTokenType: string
  readonly audience: string
  readonly refreshS: number
}

/** Takes a mistake, or a value that is probably not intended. */
type Report = (path: string, message: string) => void

/** Where a held credential's value may come from, as the file names it. */
const SOURCES = ['env', 'file', 'command', 'token_exchange'] as const

const NAME = /^[A-Za-z0-9][\w.-]{0,63}$/
const VARIABLE = /^[A-Za-z_]\w*$/
const MAX_WEIGHT = 1000

/** Longest time between two readings: setTimeout takes no more. */
const MAX_REFRESH_S = 2_000_000

/**
 * Checks `credentials` of a provider. A text that may be a credential in the wrong place is not repeated.
 *
 * @param upstream base URL of the provider
 * @returns `undefined` when the callers bring their own
 */
export function checkCredentials(
  raw: RawCredentials,
  path: string,
  upstream: string,
  wrong: Report,
  doubtful: Report,
): CredentialSettings | undefined {
  const use = raw.use.trim().toLowerCase()
  if (!isUse(use)) {
    wrong(`${path}.use`, `${path}.use must be one of ${CREDENTIAL_USES.join(', ')} (got ${shown(raw.use)})`)
    return undefined
  }
  const held = raw.held.map((item, i) => checkHeld(item, `${path}.held[${i}]`, upstream, wrong, doubtful))
  for (const [i, { name }] of held.entries()) {
    if (name === '' || held.findIndex((other) => other.name === name) === i) continue
    wrong(
      `${path}.held[${i}].name`,
      `${path}.held[${i}].name: ${quote(name)} is given twice; give each its own`,
    )
  }
  if (use !== 'client' && held.length === 0) {
    wrong(
      `${path}.use`,
      `${path}.use: ${use} needs a credential; write such as held: [{ name: main, env: API_KEY }]`,
    )
  }
  if (use !== 'client') return { use, held }
  if (held.length > 0) {
    doubtful(
      `${path}.use`,
      `${path}.held is not used while ${path}.use is client; write use: gateway or client_or_gateway`,
    )
  }
  return undefined
}

/**
 * Why nobody but this machine may reach a gateway that holds credentials while keys are off.
 *
 * @param host `server.host`
 * @param providers name and credentials of each
 * @returns a message for each provider that holds some, with its path; empty when keys are on or the listener is loopback
 */
export function openCredentials(
  host: string,
  keysOn: boolean,
  providers: readonly { readonly name: string; readonly credentials?: CredentialSettings }[],
): readonly (readonly [path: string, message: string])[] {
  const plain = host
    .trim()
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
  if (keysOn || isLoopbackHost(plain)) return []
  return providers.flatMap(({ name, credentials }) => {
    if (!credentials) return []
    const path = `providers.${name}.credentials.use`
    const why = `anyone who reaches ${host} could spend the gateway's credentials`
    return [
      [
        path,
        `${path}: ${credentials.use} while keys are off: ${why}; set auth.enabled: true, or server.host: 127.0.0.1`,
      ],
    ]
  })
}

/** The files that the credentials of a provider are read from. */
export function credentialFiles(credentials: CredentialSettings | undefined): string[] {
  return (credentials?.held ?? []).flatMap(({ source }) => {
    if (source.kind === 'file') return [source.path]
    return source.kind === 'token_exchange' ? [source.subjectTokenFile] : []
  })
}

function isUse(text: string): text is CredentialUse {
  return (CREDENTIAL_USES as readonly string[]).includes(text)
}

function checkHeld(
  raw: RawHeld,
  path: string,
  upstream: string,
  wrong: Report,
  doubtful: Report,
): HeldCredentialSettings {
  const name = raw.name.trim()
  if (name === '')
    wrong(`${path}.name`, `${path}.name is required; it stands in traces, so write such as main`)
  else if (!NAME.test(name) || withoutCredentials(name) !== name) {
    wrong(
      `${path}.name`,
      `${path}.name is 1 to 64 of letters, digits, ".", "-" and "_", and no credential (got ${shown(name)})`,
    )
  }
  const { weight } = raw
  if (weight < 1 || weight > MAX_WEIGHT)
    wrong(`${path}.weight`, `${path}.weight must be between 1 and ${MAX_WEIGHT} (got ${weight})`)
  checkRefresh(raw.refreshS, 1, `${path}.refresh_s`, wrong)
  const { refreshS } = raw.tokenExchange
  checkRefresh(refreshS, 0, `${path}.token_exchange.refresh_s`, wrong)
  const source = checkSource(raw, path, wrong, doubtful)
  const form = checkForm(raw, source, path, upstream, wrong)
  return {
    name,
    weight,
    refreshMs: (source.kind === 'token_exchange' && refreshS > 0 ? refreshS : raw.refreshS) * 1000,
    source,
    ...(form ? { form } : {}),
  }
}

function checkRefresh(seconds: number, least: number, path: string, wrong: Report): void {
  if (seconds >= least && seconds <= MAX_REFRESH_S) return
  wrong(path, `${path} must be between ${least} and ${MAX_REFRESH_S} (got ${seconds})`)
}

function checkSource(raw: RawHeld, path: string, wrong: Report, doubtful: Report): CredentialSourceSettings {
  const { tokenExchange } = raw
  const isGiven = {
    env: raw.env.trim() !== '',
    file: raw.file.trim() !== '',
    command: raw.command.length > 0,
    token_exchange: tokenExchange.url.trim() !== '' || tokenExchange.subjectTokenFile.trim() !== '',
  }
  const given = SOURCES.filter((source) => isGiven[source])
  if (given.length !== 1) {
    const got = given.length === 0 ? 'none' : given.join(' and ')
    wrong(path, `${path} must have exactly one of ${SOURCES.join(', ')} (got ${got})`)
  }
  switch (given[0] ?? 'env') {
    case 'env':
      return checkVariable(raw.env.trim(), `${path}.env`, wrong)
    case 'file':
      return { kind: 'file', path: checkFile(raw.file.trim(), `${path}.file`, wrong) }
    case 'command':
      return checkCommand(raw.command, `${path}.command`, wrong)
    case 'token_exchange':
      return checkExchange(tokenExchange, `${path}.token_exchange`, wrong, doubtful)
  }
}

function checkVariable(variable: string, path: string, wrong: Report): CredentialSourceSettings {
  if (variable !== '' && (!VARIABLE.test(variable) || withoutCredentials(variable) !== variable))
    wrong(path, `${path} must be the name of a variable, not its value; write such as OPENAI_API_KEY`)
  return { kind: 'environment', variable }
}

function checkFile(file: string, path: string, wrong: Report): string {
  if (withoutCredentials(file) !== file)
    wrong(path, `${path} must be the path of a file, and seems to be the credential itself`)
  else if (file.startsWith('~'))
    wrong(
      path,
      `${path} begins with ~, which is not expanded here; write ${quote(`\${env:HOME}${file.slice(1)}`)}`,
    )
  return file
}

function checkCommand(command: readonly string[], path: string, wrong: Report): CredentialSourceSettings {
  const [program = ''] = command
  if (program.trim() === '') wrong(path, `${path} must begin with a program`)
  else if (/\s/.test(program.trim()) && command.length === 1) {
    wrong(
      path,
      `${path} is a list of the program and its arguments, without a shell; write such as [vault, read, -field=key, secret/openai]`,
    )
  }
  return { kind: 'command', command }
}

function checkExchange(
  { url, subjectTokenFile, subjectTokenType, audience }: RawTokenExchange,
  path: string,
  wrong: Report,
  doubtful: Report,
): CredentialSourceSettings {
  const text = url.trim()
  checkEndpoint(text, `${path}.url`, wrong, doubtful)
  if (subjectTokenFile.trim() === '')
    wrong(`${path}.subject_token_file`, `${path}.subject_token_file is required`)
  if (subjectTokenType.trim() === '')
    wrong(`${path}.subject_token_type`, `${path}.subject_token_type must not be empty; leave it out`)
  return {
    kind: 'token_exchange',
    url: text,
    subjectTokenFile: checkFile(subjectTokenFile.trim(), `${path}.subject_token_file`, wrong),
    subjectTokenType: subjectTokenType.trim(),
    audience: audience.trim(),
  }
}

function checkEndpoint(text: string, path: string, wrong: Report, doubtful: Report): void {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !['http:', 'https:'].includes(url.protocol))
    return wrong(path, `${path} must be an http or https URL; write such as "https://sts.example/token"`)
  if (url.username || url.password) return wrong(path, `${path} must not hold a user or password`)
  if (url.protocol === 'http:' && !isLoopbackHost(url.hostname.replace(/^\[|\]$/g, '')))
    doubtful(path, `${path} is http: others on the network can read the tokens; use https`)
  return undefined
}

/** A given text, unless it may be a credential. */
function shown(text: string): string {
  return withoutCredentials(text) === text && text.length <= 64 ? quote(text) : 'something else'
}
