import { DEFAULT_KEY_FIELD } from '../access/key-field.ts'
import { KEY_LIMIT, KEY_RULES, LIMITS } from './limit-settings.ts'
import { OBSERVABILITY } from './observability-settings.ts'
import { PII_SETTINGS } from './pii-settings.ts'
import { PRICE, RATES } from './price-settings.ts'
import { PROVIDER, PROVIDER_PRESETS } from './provider-settings.ts'
import { MODELS, ROUTING } from './routing-settings.ts'
import type { Section } from './setting.ts'

const retention = (what: string): Section => ({
  kind: 'section',
  type: 'config.ClassRetentionConfig',
  doc: `Limits for ${what}.`,
  fields: {
    max_age_days: {
      kind: 'int',
      default: 0,
      unit: 'days',
      doc: `Exchanges that started earlier lose their ${what.split(' ')[0] === 'captured' ? 'bodies' : 'traces'}. 0 keeps them.`,
    },
    max_bytes: {
      kind: 'int',
      default: 0,
      unit: 'bytes',
      doc: 'Largest size in the store. The oldest are deleted first. 0 means no limit.',
    },
  },
})

/** All settings: the shape of the file, the defaults, and the texts of `docs/configuration.md`. */
export const SETTINGS: Section = {
  kind: 'section',
  type: 'config.Config',
  doc: 'The configuration file.',
  fields: {
    server: {
      kind: 'section',
      type: 'config.ServerConfig',
      doc: 'The listener.',
      fields: {
        host: {
          kind: 'string',
          default: '127.0.0.1',
          doc: 'Address to listen on; 0.0.0.0 or :: opens it to the network.',
        },
        port: { kind: 'int', default: 8080, doc: 'TCP port, 1 to 65535.' },
        max_body_bytes: {
          kind: 'int',
          default: 0,
          unit: 'bytes',
          doc: 'Largest request body. A larger one gets 413. 0 means no limit.',
        },
        max_held_bytes: {
          kind: 'int',
          default: 268_435_456,
          unit: 'bytes',
          doc: 'Request content in memory, over all requests and WebSockets. Beyond it, requests get 503.',
        },
        keep_alive_ms: {
          kind: 'int',
          default: 75_000,
          unit: 'ms',
          doc: 'How long an idle connection stays open, 1000 to 255000, accurate to four seconds. Keep it longer than the load balancer in front does (usually 60 s).',
        },
        drain_delay_ms: {
          kind: 'int',
          default: 0,
          unit: 'ms',
          doc: 'How long the gateway still takes requests after SIGTERM, while /api/ready is already 503. A load balancer needs this time to notice.',
        },
        shutdown_timeout_ms: {
          kind: 'int',
          default: 30_000,
          unit: 'ms',
          doc: 'How long live exchanges may run after SIGTERM or SIGINT. Then they are cut and recorded.',
        },
        cors_origins: {
          kind: 'strings',
          default: [],
          doc: 'Further origins whose pages may use the gateway, such as https://app.example. Applies to /api and metrics, and to providers while keys are off. Loopback pages and applications may use providers anyway.',
        },
        allowed_hosts: {
          kind: 'strings',
          default: [],
          doc: 'Further names for the gateway while keys are off, such as gateway.internal. Always allowed: loopback names, host.docker.internal, server.host, and the address a connection came in on.',
        },
        public_url: {
          kind: 'string',
          default: '',
          doc: 'The public address, such as https://gateway.example. Pages of that origin may use everything.',
        },
        trusted_proxies: {
          kind: 'strings',
          default: [],
          doc: 'Addresses and networks (CIDR) of proxies in front. The gateway reads the client address from their X-Forwarded-For.',
        },
        forward_correlation_id: {
          kind: 'bool',
          default: false,
          doc: 'Send X-OngoingAI-Correlation-ID to the upstream.',
        },
        forward_client_fields: {
          kind: 'bool',
          default: false,
          doc: 'Forward the client fields of a CDN or proxy in front (CF-*, CDN-Loop, X-Real-IP, X-Forwarded-*, Forwarded, True-Client-IP) to providers. Adds the client address to X-Forwarded-For.',
        },
      },
    },
    storage: {
      kind: 'section',
      type: 'config.StorageConfig',
      doc: 'Where traces are stored.',
      fields: {
        driver: { kind: 'string', default: 'sqlite', doc: 'sqlite or postgres (15 or newer).' },
        path: {
          kind: 'string',
          default: './data/ongoingai.db',
          doc: 'SQLite file, relative to the working directory.',
        },
        dsn: {
          kind: 'string',
          default: '',
          secret: true,
          doc: 'PostgreSQL connection string: postgres://user:password@host:5432/database?sslmode=verify-full, or libpq keywords.',
        },
        max_connections: {
          kind: 'int',
          default: 10,
          doc: 'PostgreSQL connections of one gateway for queries. The recorder has two more. Limits with backend postgres have eight more.',
        },
        query_timeout_ms: {
          kind: 'int',
          default: 30_000,
          unit: 'ms',
          doc: 'How long PostgreSQL may work on one query.',
        },
        retention: {
          kind: 'section',
          type: 'config.RetentionConfig',
          doc: 'What the gateway deletes automatically, in small steps. Without limits it keeps everything.',
          fields: {
            bodies: retention('captured bodies'),
            traces: retention('traces with their bodies; the sums over them stay'),
            audit: {
              kind: 'section',
              type: 'config.AuditRetentionConfig',
              doc: 'The audit trail.',
              fields: {
                max_age_days: {
                  kind: 'int',
                  default: 0,
                  unit: 'days',
                  doc: 'Earlier events are deleted. 0 keeps them.',
                },
              },
            },
            rollups: {
              kind: 'section',
              type: 'config.RollupRetentionConfig',
              doc: 'Sums by quarter hour and day, which reports use.',
              fields: {
                max_age_days: {
                  kind: 'int',
                  default: 0,
                  unit: 'days',
                  doc: 'Sums of quarter hours and days that ended earlier are deleted. 0 keeps them. Not less than for traces.',
                },
              },
            },
          },
        },
      },
    },
    providers: {
      kind: 'map',
      doc: 'The upstream APIs by name: any number, any name. azure is active once it has an upstream.',
      item: PROVIDER,
      presets: PROVIDER_PRESETS,
    },
    models: MODELS,
    routing: ROUTING,
    tracing: {
      kind: 'section',
      type: 'config.TracingConfig',
      doc: 'What the gateway records about an exchange, and how it protects records until they are stored.',
      fields: {
        capture_bodies: {
          kind: 'bool',
          default: false,
          doc: 'Store request and response bodies, subject to pii.mode.',
        },
        body_max_size: {
          kind: 'int',
          default: 1_048_576,
          unit: 'bytes',
          doc: 'Stored part of each body. 0 or less means the default. Usage does not depend on it.',
        },
        queue_max_bytes: {
          kind: 'int',
          default: 67_108_864,
          unit: 'bytes',
          doc: 'Memory for exchanges that are not yet stored or in the journal.',
        },
        flush_interval_ms: {
          kind: 'int',
          default: 100,
          unit: 'ms',
          doc: 'Longest time a finished exchange is only in memory. A SIGKILL can lose at most this.',
        },
        stream_usage: {
          kind: 'string',
          default: 'leave',
          doc: 'For chat streams that do not request usage. leave: estimate it. inject: add the request for usage, and hide the extra event from the client.',
        },
        fidelity: {
          kind: 'string',
          default: 'off',
          doc: 'on: SHA-256 of the contents as they came, were sent, came back and were passed on, in the detail of each trace.',
        },
        journal: {
          kind: 'section',
          type: 'config.JournalConfig',
          doc: 'Where traces wait while the store does not accept them.',
          fields: {
            path: {
              kind: 'string',
              default: '',
              doc: 'Folder of the journal. Empty means beside the SQLite file, else ./data/journal.',
            },
            max_bytes: {
              kind: 'int',
              default: 1_073_741_824,
              unit: 'bytes',
              doc: 'Size at which the journal is full. Beyond it, traces wait in memory, then are dropped, counted and logged.',
            },
          },
        },
      },
    },
    pricing: {
      kind: 'section',
      type: 'config.PricingConfig',
      doc: 'Prices in addition to the bundled list, or instead of it.',
      fields: {
        unknown_model: {
          kind: 'string',
          default: 'allow',
          doc: 'For a model without a price. allow: its cost is unknown. assume: estimate with the rates under assumed. block: refuse with 403.',
        },
        file: {
          kind: 'string',
          default: '',
          doc: 'Your own price list (JSON of genai-prices or LiteLLM, or CSV). It overrides the bundled list and is reloaded when it changes.',
        },
        allow_update: {
          kind: 'bool',
          default: false,
          doc: 'Lets `ongoingai prices update` download a price list. The gateway itself never downloads one.',
        },
        assumed: {
          kind: 'section',
          type: 'config.RatesConfig',
          doc: 'Rates for unknown_model: assume. A negative rate means not set.',
          fields: RATES,
        },
        overrides: {
          kind: 'list',
          doc: 'Own prices. The most specific match overrides the bundled list.',
          item: {
            kind: 'section',
            type: 'config.PriceOverrideConfig',
            doc: 'One price.',
            fields: {
              provider: {
                kind: 'string',
                default: '',
                doc: 'Provider name in this file. Empty means every provider.',
              },
              ...PRICE,
            },
          },
        },
      },
    },
    observability: OBSERVABILITY,
    pii: PII_SETTINGS,
    auth: {
      kind: 'section',
      type: 'config.AuthConfig',
      doc: 'Gateway keys.',
      fields: {
        enabled: { kind: 'bool', default: false, doc: 'Require a gateway key on provider routes and /api.' },
        header: {
          kind: 'string',
          default: DEFAULT_KEY_FIELD,
          doc: 'Header field of the gateway key. It is never sent upstream.',
        },
        accept_in: {
          kind: 'strings',
          default: ['header'],
          doc: "Where provider routes look for the gateway key. header: in auth.header. provider_field: where an SDK puts the provider's key (Authorization: Bearer, x-api-key, api-key, x-goog-api-key, ?key=).",
        },
        pepper: {
          kind: 'string',
          default: '',
          secret: true,
          doc: 'Secret of 32 characters or more, used to hash the keys in the store. All gateways of one PostgreSQL need the same. If empty, the gateway creates one beside the journal.',
        },
        previous_pepper: {
          kind: 'string',
          default: '',
          secret: true,
          doc: 'The old pepper, while you replace it. Keys hashed with it stay valid and get new hashes when they are used.',
        },
        allow_weak_tokens: {
          kind: 'bool',
          default: false,
          doc: 'Accept tokens under keys that can be guessed: shorter than 16 characters, or with fewer than 8 different ones.',
        },
        max_staleness_ms: {
          kind: 'int',
          default: 3_600_000,
          unit: 'ms',
          doc: 'How long keys of the store stay valid while the store does not respond. 0 means without limit.',
        },
        keys: {
          kind: 'list',
          doc: 'Keys of this file. Keys created by commands or the API are in the store and work too.',
          item: {
            kind: 'section',
            type: 'config.GatewayKeyConfig',
            doc: 'One key.',
            fields: {
              id: { kind: 'string', default: '', doc: 'Id shown on traces.' },
              token: { kind: 'string', default: '', secret: true, doc: 'The key itself.' },
              org_id: { kind: 'string', default: '', doc: 'Organization. Empty means default.' },
              workspace_id: {
                kind: 'string',
                default: '',
                doc: 'Workspace. Empty means team, else default.',
              },
              team: { kind: 'string', default: '', doc: 'Team. Empty means workspace_id.' },
              name: { kind: 'string', default: '', doc: 'Name for people.' },
              description: { kind: 'string', default: '', doc: 'Note for people.' },
              created_by: { kind: 'string', default: '', doc: 'Who created it.' },
              role: {
                kind: 'string',
                default: '',
                doc: 'owner, admin, developer (also when empty), member, viewer or custom. custom has only the permissions listed here.',
              },
              scope: {
                kind: 'string',
                default: 'workspace',
                doc: 'workspace: it reads its workspace. organization: it reads every workspace of its organization.',
              },
              permissions: {
                kind: 'strings',
                default: [],
                doc: 'Additional permissions: proxy:write, analytics:read, keys:manage, audit:read.',
              },
              ...KEY_RULES,
              expires_at: {
                kind: 'string',
                default: '',
                doc: 'When it expires: YYYY-MM-DD or RFC 3339. Empty means never.',
              },
              limits: { kind: 'list', doc: 'Limits for this key only.', item: KEY_LIMIT },
            },
          },
        },
      },
    },
    limits: LIMITS,
  },
}
