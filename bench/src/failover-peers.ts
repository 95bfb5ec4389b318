import { account, startGateway, type Gateway } from './gateway.ts'
import { startOther } from './peers.ts'

/** A program with two targets for a model: it asks the second when the first fails. */
export interface FailoverPeer {
  readonly name: string
  readonly url: string
  /** Fields of a request that may go to both targets, or only to the second. */
  fields(targets: Targets): Readonly<Record<string, string>>
  /** What such a request names as its model. */
  model(targets: Targets): string
  /** Checks its record. @param sent requests that have a response */
  account(sent: number): Promise<void>
  stop(): Promise<void>
}

/** Where a request may go. */
export type Targets = 'both' | 'second'

/** How long a program waits for the first byte of a target, in milliseconds. */
const FIRST_BYTE_MS = 1000

/** The gateway: it holds the credentials, and is told what 400 means. Its breaker is the default one: 3 failures, 30 s. */
export async function startWithTargets(first: string, second: string): Promise<FailoverPeer> {
  const held = '{use: gateway, held: [{name: main, command: [printf, sk-bench-0123456789]}]}'
  const provider = (url: string, prefix: string): string =>
    `{upstream: "${url}", prefix: ${prefix}, api: openai, timeouts: {first_byte_ms: ${FIRST_BYTE_MS}}, retry_on: [{status: 400, body_contains: no capacity, as: overloaded}], credentials: ${held}}`
  const gateway: Gateway = await startGateway(
    `models:
  - {name: fast, targets: [{provider: one, model: alpha}, {provider: two, model: beta, tier: 2}]}
  - {name: spare, targets: [{provider: two, model: beta}]}
`,
    { providers: `{one: ${provider(first, '/one')}, two: ${provider(second, '/two')}}` },
  )
  return {
    name: gateway.name,
    url: gateway.url.replace(/\/openai$/, ''),
    fields: () => gateway.headers,
    model: (targets) => (targets === 'both' ? 'fast' : 'spare'),
    account: (sent) => account(gateway, sent),
    stop: () => gateway.stop(),
  }
}

/** Portkey's gateway, told by a field of the request. @returns `undefined` when it is not installed */
export async function startPortkeyWithTargets(
  first: string,
  second: string,
): Promise<FailoverPeer | undefined> {
  const portkey = await startOther('portkey')
  if (!portkey) return undefined
  const target = (url: string, model: string): object => ({
    provider: 'openai',
    api_key: 'sk-bench-0123456789',
    custom_host: `${url}/v1`,
    override_params: { model },
    request_timeout: FIRST_BYTE_MS,
  })
  const [one, two] = [target(first, 'alpha'), target(second, 'beta')]
  const config = (targets: readonly object[]): string =>
    JSON.stringify({ strategy: { mode: 'fallback' }, targets })
  const configs: Readonly<Record<Targets, string>> = { both: config([one, two]), second: config([two]) }
  return {
    name: portkey.name,
    url: portkey.url,
    fields: (targets) => ({ 'x-portkey-config': configs[targets] }),
    model: () => 'fast',
    account: async () => {},
    stop: () => portkey.stop(),
  }
}
