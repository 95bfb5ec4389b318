import { DIALECTS } from '../providers/dialects/dialects.ts'
import { PRICE } from './price-settings.ts'
import type { Section } from './setting.ts'

/** `a, b or c` */
const DIALECT_LIST = DIALECTS.map(({ name }) => name)
  .join(', ')
  .replace(/, ([^,]*)$/, ' or $1')

/** One upstream API. */
export const PROVIDER: Section = {
  kind: 'section',
  type: 'config.ProviderConfig',
  doc: 'One upstream API.',
  fields: {
    upstream: {
      kind: 'string',
      default: '',
      doc: 'Base URL of the API; a path in it is put before every request path.',
    },
    prefix: { kind: 'string', default: '', doc: 'Path prefix on the gateway; the longest match wins.' },
    api: {
      kind: 'string',
      default: 'openai',
      doc: `Dialect of refusals, and of prices when neither URL nor name tell the provider: ${DIALECT_LIST}. How usage is read follows from the path of each request.`,
    },
    enabled: { kind: 'bool', default: true, doc: 'false takes the provider out.' },
    credential_header: {
      kind: 'string',
      default: '',
      doc: 'Further header in which this provider takes its credential; it is masked like the known ones.',
    },
    proxy: {
      kind: 'string',
      default: '',
      doc: 'HTTP proxy to this provider, http:// or https://, with user and password if it wants them; empty means the one that HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY name.',
    },
    ca_file: {
      kind: 'string',
      default: '',
      doc: 'PEM file with the certificates of the authorities to trust for this provider, instead of the public ones.',
    },
    client_cert_file: {
      kind: 'string',
      default: '',
      doc: 'PEM file with the certificate that the gateway shows to this provider, and its chain.',
    },
    client_key_file: {
      kind: 'string',
      default: '',
      doc: 'PEM file with the private key of that certificate, without a password.',
    },
    headers: {
      kind: 'section',
      type: 'config.HeadersConfig',
      doc: 'Changes to the header fields of every request to this provider.',
      fields: {
        set: {
          kind: 'texts',
          default: {},
          doc: 'Fields by name that are put in, or replace what the client sends. Values are secrets: shown nowhere, recorded nowhere.',
        },
        remove: { kind: 'strings', default: [], doc: 'Fields of the client that do not travel.' },
      },
    },
    timeouts: {
      kind: 'section',
      type: 'config.TimeoutsConfig',
      doc: 'Answered with 504 and the name of the one that struck; after the first byte the connection is aborted.',
      fields: {
        connect_ms: {
          kind: 'int',
          default: 10_000,
          unit: 'ms',
          doc: 'A connection to the upstream, through its proxy if it has one, must be made in this time; 0 means no limit.',
        },
        first_byte_ms: {
          kind: 'int',
          default: 600_000,
          unit: 'ms',
          doc: 'From the end of the request to the response fields; 0 means no limit.',
        },
        idle_ms: {
          kind: 'int',
          default: 600_000,
          unit: 'ms',
          doc: 'Longest silence inside a body, in either direction; 0 means no limit.',
        },
        total_ms: { kind: 'int', default: 0, unit: 'ms', doc: 'The whole exchange; 0 means no limit.' },
      },
    },
    prices: {
      kind: 'list',
      doc: 'Prices of this provider only. Their fields are those of pricing.overrides, without provider.',
      sameAs: 'pricing.overrides',
      item: { kind: 'section', type: 'config.PriceOverrideConfig', doc: 'One price.', fields: PRICE },
    },
  },
}

/** Providers that are there unless the file changes them. */
export const PROVIDER_PRESETS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  openai: { upstream: 'https://api.openai.com', prefix: '/openai', api: 'openai' },
  anthropic: { upstream: 'https://api.anthropic.com', prefix: '/anthropic', api: 'anthropic' },
  gemini: { upstream: 'https://generativelanguage.googleapis.com', prefix: '/gemini', api: 'gemini' },
  mistral: { upstream: 'https://api.mistral.ai', prefix: '/mistral', api: 'mistral' },
  cohere: { upstream: 'https://api.cohere.com', prefix: '/cohere', api: 'cohere' },
  groq: { upstream: 'https://api.groq.com', prefix: '/groq', api: 'openai' },
  deepseek: { upstream: 'https://api.deepseek.com', prefix: '/deepseek', api: 'openai' },
  xai: { upstream: 'https://api.x.ai', prefix: '/xai', api: 'openai' },
  openrouter: { upstream: 'https://openrouter.ai', prefix: '/openrouter', api: 'openai' },
  perplexity: { upstream: 'https://api.perplexity.ai', prefix: '/perplexity', api: 'openai' },
  ollama: { upstream: 'http://localhost:11434', prefix: '/ollama', api: 'ollama' },
  chatgpt: { upstream: 'https://chatgpt.com', prefix: '/chatgpt', api: 'openai' },
  azure: { upstream: '', prefix: '/azure', api: 'azure' },
}
