import { parseNetwork, inNetworks } from '../access/networks.ts'
import type { Environment } from './environment.ts'

/** The proxy that the environment names for an upstream, and the variable that names it. */
export interface EnvironmentProxy {
  readonly variable: string
  /** With a scheme, otherwise unchanged. */
  readonly proxy: string
}

/** Variables by the upstream's scheme; the first that is set counts. */
const VARIABLES: Readonly<Record<string, readonly string[]>> = {
  'http:': ['http_proxy', 'HTTP_PROXY', 'all_proxy', 'ALL_PROXY'],
  'https:': ['https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY'],
}

/**
 * Matches the proxy for an upstream as other programs do: `HTTPS_PROXY`, `HTTP_PROXY` or `ALL_PROXY`, unless `NO_PROXY` names the
 * host. Upstreams on this machine are never proxied.
 *
 * @returns `undefined` for a direct connection
 */
export function environmentProxy(upstream: URL, environment: Environment): EnvironmentProxy | undefined {
  const variable = VARIABLES[upstream.protocol]?.find((name) => (environment[name] ?? '').trim() !== '')
  if (variable === undefined) return undefined
  const host = upstream.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '')
  const port = upstream.port || (upstream.protocol === 'https:' ? '443' : '80')
  const exempt = environment['no_proxy']?.trim() || environment['NO_PROXY']?.trim() || ''
  if (isLocal(host) || exempt.split(/[\s,]+/).some((entry) => names(entry.toLowerCase(), host, port)))
    return undefined
  const proxy = environment[variable]!.trim()
  return { variable, proxy: proxy.includes('://') ? proxy : `http://${proxy}` }
}

const LOOPBACK = ['127.0.0.0/8', '::1'].map((text) => parseNetwork(text)!)

function isLocal(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost') || inNetworks(host, LOOPBACK)
}

/**
 * Whether an entry of `NO_PROXY` matches a host. An entry is `*`, a name with its subdomains, only subdomains
 * (`.example.com`, `*.example.com`), an address or a network. Each but the network may have a port.
 */
function names(entry: string, host: string, port: string): boolean {
  if (entry === '') return false
  if (entry === '*') return true
  const network = parseNetwork(entry)
  if (network) return inNetworks(host, [network])
  const [, bracketed, plain, only] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?$/.exec(entry) ?? []
  const name = (bracketed ?? plain ?? '').replace(/^\*(?=\.)/, '').replace(/(?<=.)\.$/, '')
  if (name === '' || (only !== undefined && only !== port)) return false
  if (name.startsWith('.')) return host.endsWith(name)
  const address = parseNetwork(name)
  return address ? inNetworks(host, [address]) : host === name || host.endsWith(`.${name}`)
}
