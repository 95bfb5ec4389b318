import { DIALECTS } from '../providers/dialects/dialects.ts'
import { CREDENTIALS } from './credential-settings.ts'
import { RETRY_CAUSES } from '../providers/settings.ts'
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
      doc: 'Base URL of the API. Its path goes before every request path.',
    },
    prefix: { kind: 'string', default: '', doc: 'Path prefix on the gateway. The longest match wins.' },
    api: {
      kind: 'string',
      default: 'openai',
      doc: `Format of refusals: ${DIALECT_LIST}. It also selects prices if neither URL nor name identify the provider. The request path decides how usage is read.`,
    },
    enabled: { kind: 'bool', default: true, doc: 'false removes the provider.' },
    credential_header: {
      kind: 'string',
      default: '',
      doc: 'Additional header that holds the credential of this provider. It is masked like the known ones.',
    },
    credentials: CREDENTIALS,
    proxy: {
      kind: 'string',
      default: '',
      doc: 'HTTP proxy to this provider, http:// or https://, with user and password if needed. Empty means HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY decide.',
    },
    ca_file: {
      kind: 'string',
      default: '',
      doc: 'PEM file with the authorities to trust for this provider, instead of the public ones.',
    },
    client_cert_file: {
      kind: 'string',
      default: '',
      doc: 'PEM file with the client certificate for this provider, and its chain.',
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
          doc: 'Fields by name. They are added, or replace those of the client. Values are secrets: never shown, never recorded.',
        },
        remove: { kind: 'strings', default: [], doc: 'Client fields that are not forwarded.' },
      },
    },
    timeouts: {
      kind: 'section',
      type: 'config.TimeoutsConfig',
      doc: 'A time-out gets 504 with its name. After the first byte, the connection is aborted.',
      fields: {
        connect_ms: {
          kind: 'int',
          default: 10_000,
          unit: 'ms',
          doc: 'Time to connect to the upstream, through its proxy if it has one. 0 means no limit.',
        },
        first_byte_ms: {
          kind: 'int',
          default: 600_000,
          unit: 'ms',
          doc: 'From the end of the request to the response fields. 0 means no limit.',
        },
        idle_ms: {
          kind: 'int',
          default: 600_000,
          unit: 'ms',
          doc: 'Longest silence within a body, in either direction. 0 means no limit.',
        },
        total_ms: { kind: 'int', default: 0, unit: 'ms', doc: 'The whole exchange. 0 means no limit.' },
      },
    },
    region: {
      kind: 'string',
      default: '',
      doc: 'Where the provider processes data, such as eu. models[].require.region is matched against it.',
    },
    zero_retention: {
      kind: 'bool',
      default: false,
      doc: 'true if the provider keeps nothing of requests and responses. models[].require.zero_retention is matched against it.',
    },
    retry_on: {
      kind: 'list',
      doc: 'Further responses after which a request for a name in models is sent to another target.',
      item: {
        kind: 'section',
        type: 'config.RetryRuleConfig',
        doc: 'One response.',
        fields: {
          status: { kind: 'int', default: 0, doc: 'Its status, 400 to 599.' },
          body_contains: { kind: 'string', default: '', doc: 'A text in its body. Empty means any body.' },
          as: {
            kind: 'string',
            default: '',
            doc: `What it counts as: ${RETRY_CAUSES.join(', ').replace(/, ([^,]*)$/, ' or $1')}.`,
          },
        },
      },
    },
    prices: {
      kind: 'list',
      doc: 'Prices of this provider only. Same fields as pricing.overrides, without provider.',
      sameAs: 'pricing.overrides',
      item: { kind: 'section', type: 'config.PriceOverrideConfig', doc: 'One price.', fields: PRICE },
    },
  },
}

/** Providers that exist unless the file changes them. */
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
