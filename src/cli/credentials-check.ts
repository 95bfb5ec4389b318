import { existsSync } from 'node:fs'
import type { LoadedConfig } from '../config/load.ts'
import { awsSignature } from '../credentials/aws-signature.ts'
import type { ChosenCredential } from '../credentials/chosen-credential.ts'
import type { CredentialReading } from '../credentials/credential-reading.ts'
import { HeldCredential } from '../credentials/held-credential.ts'
import type { CredentialSourceSettings, HeldCredentialSettings } from '../credentials/settings.ts'
import { readSource } from '../credentials/sources/read-source.ts'
import { credentialField } from '../providers/credential-field.ts'
import { servedDialects } from '../providers/dialects/served-dialects.ts'
import type { ProviderConfig } from '../providers/settings.ts'
import { UpstreamConnection } from '../proxy/upstream/connection.ts'
import type { Check, Finding } from './doctor-checks.ts'

/** How long a provider may take to respond. */
const PROVIDER_MS = 5000

/** What the check of one credential found. */
interface Found {
  readonly isGood: boolean
  readonly text: string
}

type Examine = (provider: ProviderConfig, settings: HeldCredentialSettings) => Promise<Found>

/** Whether the credentials that the gateway holds can be had. A token is exchanged only with `--online`. */
export const CREDENTIALS: Check = {
  name: 'credentials',
  run: ({ config }) => examineAll(config, async (_, settings) => read(settings)),
}

/** The same, and whether their providers accept them. */
export const CREDENTIALS_ONLINE: Check = {
  name: CREDENTIALS.name,
  run: ({ config }) => examineAll(config, tryAt),
}

async function examineAll(
  { providers }: LoadedConfig['config'],
  examine: Examine,
): Promise<Omit<Finding, 'name'>> {
  const held = providers.flatMap((provider) =>
    (provider.credentials?.held ?? []).map((settings) => ({ provider, settings })),
  )
  if (held.length === 0) return { status: 'pass', summary: 'the gateway holds no credentials of providers' }
  const found = await Promise.all(
    held.map(async ({ provider, settings }) => {
      const { isGood, text } = await examine(provider, settings)
      const source = sourceText(settings.source)
      return { provider, isGood, text: `${provider.name}: ${settings.name} (${source}): ${text}` }
    }),
  )
  const details = found.map(({ text }) => text)
  if (found.every(({ isGood }) => isGood))
    return { status: 'pass', summary: 'the credentials that the gateway holds are good', details }
  const without = providers.filter(
    ({ name, credentials }) =>
      credentials && !found.some(({ provider, isGood }) => provider.name === name && isGood),
  )
  return without.length === 0
    ? { status: 'warn', summary: 'some credentials of the gateway are not good; others serve', details }
    : {
        status: 'fail',
        summary: `no credential is good for ${without.map(({ name }) => name).join(', ')}`,
        details,
      }
}

async function read({ source, form }: HeldCredentialSettings): Promise<Found> {
  if (source.kind === 'token_exchange') {
    if (!existsSync(source.subjectTokenFile))
      return { isGood: false, text: `unavailable: there is no file ${source.subjectTokenFile}` }
    return { isGood: true, text: 'not tried: a token is exchanged only with --online' }
  }
  if (form?.kind === 'google_service_account' && isThere(source))
    return { isGood: true, text: 'not tried: its key is used only with --online' }
  return foundOf(await readSource(source, Date.now(), new AbortController().signal, form))
}

/** Whether a source may have something to say. A command is not run for that. */
function isThere(source: CredentialSourceSettings): boolean {
  if (source.kind === 'environment') return process.env[source.variable] !== undefined
  return source.kind !== 'file' || existsSync(source.path)
}

/** Reads a credential and asks its provider for its models with it. */
async function tryAt(provider: ProviderConfig, settings: HeldCredentialSettings): Promise<Found> {
  const reading = await readSource(settings.source, Date.now(), new AbortController().signal, settings.form)
  if (reading.kind !== 'value') return foundOf(reading)
  const credential = new HeldCredential(settings)
  credential.take(reading)
  const held = credential.checkOut(Date.now(), '')
  const { name, upstream, api, credentialHeader, connection, headers } = provider
  const base = new URL(upstream)
  const path = cheapPath(base, api)
  const url = `${base.origin}${base.pathname.replace(/\/+$/, '')}${path}${base.search}`
  const fields = {
    ...(api === 'anthropic' ? { 'anthropic-version': '2023-06-01' } : {}),
    ...Object.fromEntries(headers.set),
  }
  const { fetchOptions } = new UpstreamConnection(base.origin, connection)
  try {
    const proof = await proofOf(held, { dialect: api, credentialField: credentialHeader }, path, url, fields)
    const { status } = await fetch(url, {
      headers: { ...fields, ...proof },
      redirect: 'manual',
      signal: AbortSignal.timeout(PROVIDER_MS),
      ...fetchOptions,
    })
    return judged(status)
  } catch (error) {
    const timedOut = (error as Error).name === 'TimeoutError'
    return {
      isGood: false,
      text: `unreachable: ${name} ${timedOut ? 'did not respond' : 'cannot be reached'}`,
    }
  }
}

/** The fields that carry a credential, or a signature with it. */
async function proofOf(
  { value, isToken, signsFor }: ChosenCredential,
  taker: Parameters<typeof credentialField>[0],
  path: string,
  url: string,
  fields: Readonly<Record<string, string>>,
): Promise<Record<string, string>> {
  if (signsFor) {
    return awsSignature(value, signsFor, { method: 'GET', url, fields, content: undefined }, Date.now())
  }
  return Object.fromEntries([credentialField(taker, path, value.reveal(), isToken)])
}

function judged(status: number): Found {
  if (status === 401 || status === 403)
    return { isGood: false, text: `refused: the provider answers ${status}` }
  if (status >= 500) return { isGood: false, text: `unreachable: the provider answers ${status}` }
  if (status < 300) return { isGood: true, text: 'ok' }
  return { isGood: true, text: `ok as far as can be seen: the provider answers ${status}` }
}

/** The path of a request that costs nothing and needs a credential: the list of models. */
function cheapPath(upstream: URL, api: ProviderConfig['api']): string {
  // There everybody may read the list. @see https://openrouter.ai/docs/api-reference/limits
  if (upstream.hostname === 'openrouter.ai') return '/api/v1/key'
  const [base = '/v1'] = Object.values(servedDialects(upstream, api)).filter((at) => typeof at === 'string')
  return `${base}/models`
}

function foundOf(reading: CredentialReading): Found {
  if (reading.kind === 'value') return { isGood: true, text: 'available' }
  return { isGood: false, text: `unavailable: ${reading.problem}` }
}

function sourceText(source: CredentialSourceSettings): string {
  switch (source.kind) {
    case 'environment':
      return `variable ${source.variable}`
    case 'file':
      return `file ${source.path}`
    case 'command':
      return `command ${source.command[0]}`
    case 'token_exchange':
      return `token exchange at ${new URL(source.url).host}`
    default:
      return source satisfies never
  }
}
