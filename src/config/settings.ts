import { DEFAULT_KEY_FIELD } from '../access/key-field.ts'
import { PII_SETTINGS } from './pii-settings.ts'
import { KEY_LIMIT, KEY_RULES, LIMITS } from './limit-settings.ts'
import { OBSERVABILITY } from './observability-settings.ts'
import { PRICE, RATES } from './price-settings.ts'
import { PROVIDER, PROVIDER_PRESETS } from './provider-settings.ts'
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
      doc: `Exchanges that started earlier lose their ${what.split(' ')[0] === 'captured' ? 'bodies' : 'traces'}; 0 keeps them.`,
    },
    max_bytes: {
      kind: 'int',
      default: 0,
      unit: 'bytes',
      doc: 'Largest size in the store, the oldest go first; 0 means no limit.',
    },
  },
})

/** Every setting there is: the file's shape, its defaults, and what `docs/configuration.md` says of it. */
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
          doc: 'Largest request body, answered with 413 past it; 0 means no limit.',
        },
        max_held_bytes: {
          kind: 'int',
          default: 268_435_456,
          unit: 'bytes',
          doc: 'Request content that is held in memory over all requests and WebSockets together; answered with 503 past it.',
        },
        keep_alive_ms: {
          kind: 'int',
          default: 75_000,
          unit: 'ms',
          doc: 'How long an idle connection is kept, 1000 to 255000, to within four seconds: longer than a load balancer before the gateway keeps it (usually 60 s).',
        },
        drain_delay_ms: {
          kind: 'int',
          default: 0,
          unit: 'ms',
          doc: 'How long requests are still taken after SIGTERM while /api/ready already says no: as long as a load balancer needs to see that, so that none meets a closed door.',
        },
        shutdown_timeout_ms: {
          kind: 'int',
          default: 30_000,
          unit: 'ms',
          doc: 'How long live exchanges may finish after SIGTERM or SIGINT before they are cut and recorded.',
        },
        cors_origins: {
          kind: 'strings',
          default: [],
          doc: 'Origins, such as https://app.example, whose pages may use the gateway beside its own: /api and metrics always, providers while keys are off (loopback pages and applications may use those anyway).',
        },
        allowed_hosts: {
          kind: 'strings',
          default: [],
          doc: 'Names, such as gateway.internal, under which the gateway answers while keys are off, beside loopback names, host.docker.internal, server.host and the address that a connection came in on.',
        },
        public_url: {
          kind: 'string',
          default: '',
          doc: 'The address that people use, such as https://gateway.example. Pages of that origin may use everything.',
        },
        trusted_proxies: {
          kind: 'strings',
          default: [],
          doc: 'Addresses and networks (CIDR) of proxies before the gateway, whose X-Forwarded-For tells the client address.',
        },
        forward_correlation_id: {
          kind: 'bool',
          default: false,
          doc: 'Send X-OngoingAI-Correlation-ID to the upstream.',
        },
        forward_client_fields: {
          kind: 'bool',
          default: false,
          doc: 'Send providers what a CDN or proxy before the gateway says of the client (CF-*, CDN-Loop, X-Real-IP, X-Forwarded-*, Forwarded, True-Client-IP), and X-Forwarded-For with the address that the gateway sees.',
        },
      },
    },
    storage: {
      kind: 'section',
      type: 'config.StorageConfig',
      doc: 'Where traces are kept.',
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
          doc: 'PostgreSQL connections of one gateway for questions; the recorder has two more, limits counted in the store eight.',
        },
        query_timeout_ms: {
          kind: 'int',
          default: 30_000,
          unit: 'ms',
          doc: 'How long PostgreSQL may work on one question.',
        },
        retention: {
          kind: 'section',
          type: 'config.RetentionConfig',
          doc: 'What is deleted by itself, in small steps. Without limits everything is kept.',
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
                  doc: 'Events that happened earlier are deleted; 0 keeps them.',
                },
              },
            },
            rollups: {
              kind: 'section',
              type: 'config.RollupRetentionConfig',
              doc: 'Sums by hour and day, which reports are made of.',
              fields: {
                max_age_days: {
                  kind: 'int',
                  default: 0,
                  unit: 'days',
                  doc: 'Sums of quarter hours and days that ended earlier are deleted; 0 keeps them. Not less than for traces.',
                },
              },
            },
          },
        },
      },
    },
    providers: {
      kind: 'map',
      doc: 'The upstream APIs by name: any number, any name. azure takes part once it has an upstream.',
      item: PROVIDER,
      presets: PROVIDER_PRESETS,
    },
    tracing: {
      kind: 'section',
      type: 'config.TracingConfig',
      doc: 'What is recorded of an exchange, and how it is kept safe until it is stored.',
      fields: {
        capture_bodies: {
          kind: 'bool',
          default: false,
          doc: 'Keep request and response bodies, subject to pii.mode.',
        },
        body_max_size: {
          kind: 'int',
          default: 1_048_576,
          unit: 'bytes',
          doc: 'Kept part of each body; 0 or less means the default. Usage never depends on it.',
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
          doc: 'Longest time a finished exchange stays in memory only: what a SIGKILL can lose at most.',
        },
        stream_usage: {
          kind: 'string',
          default: 'leave',
          doc: 'Chat streams that were not asked to report usage: leave (estimate it) or inject (ask for it, and keep the extra event from the client; the request is changed).',
        },
        journal: {
          kind: 'section',
          type: 'config.JournalConfig',
          doc: 'Where traces wait while the store cannot take them.',
          fields: {
            path: {
              kind: 'string',
              default: '',
              doc: 'Folder of the journal; empty means beside the SQLite file, else ./data/journal.',
            },
            max_bytes: {
              kind: 'int',
              default: 1_073_741_824,
              unit: 'bytes',
              doc: 'Size at which the journal is full and traces are dropped, counted and logged.',
            },
          },
        },
      },
    },
    pricing: {
      kind: 'section',
      type: 'config.PricingConfig',
      doc: 'Prices beside or instead of the bundled list.',
      fields: {
        unknown_model: {
          kind: 'string',
          default: 'allow',
          doc: 'A model without a price: allow (its cost is unknown), assume (the rates under assumed, estimated) or block (refused with 403).',
        },
        file: {
          kind: 'string',
          default: '',
          doc: 'A price list of your own (JSON of genai-prices or LiteLLM, or CSV). It wins over the bundled list and is read again when it changes.',
        },
        allow_update: {
          kind: 'bool',
          default: false,
          doc: 'Lets `ongoingai prices update` fetch a price list. The gateway itself never fetches one.',
        },
        assumed: {
          kind: 'section',
          type: 'config.RatesConfig',
          doc: 'Rates for unknown_model: assume. A negative rate means: not set.',
          fields: RATES,
        },
        overrides: {
          kind: 'list',
          doc: 'Own prices; the most specific match wins over the bundled list.',
          item: {
            kind: 'section',
            type: 'config.PriceOverrideConfig',
            doc: 'One price.',
            fields: {
              provider: {
                kind: 'string',
                default: '',
                doc: 'Provider name of this file; empty means every provider.',
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
        enabled: { kind: 'bool', default: false, doc: 'Demand a gateway key on provider routes and /api.' },
        header: {
          kind: 'string',
          default: DEFAULT_KEY_FIELD,
          doc: 'Header field of the gateway key; it never travels upstream.',
        },
        pepper: {
          kind: 'string',
          default: '',
          secret: true,
          doc: 'Secret of 32 characters or more that the hashes of the keys in the store are made with; the same for all gateways of one PostgreSQL. Without it one is made and kept beside the journal.',
        },
        previous_pepper: {
          kind: 'string',
          default: '',
          secret: true,
          doc: 'The pepper before, while it is being replaced: keys hashed with it count, and get new hashes as they are used.',
        },
        allow_weak_tokens: {
          kind: 'bool',
          default: false,
          doc: 'Accept tokens under keys that can be guessed: shorter than 16 characters, or of fewer than 8 different ones.',
        },
        max_staleness_ms: {
          kind: 'int',
          default: 3_600_000,
          unit: 'ms',
          doc: 'How long keys of the store count while the store does not answer; 0 means as long as it takes.',
        },
        keys: {
          kind: 'list',
          doc: 'Keys of this file; keys that commands and API make are in the store, beside these.',
          item: {
            kind: 'section',
            type: 'config.GatewayKeyConfig',
            doc: 'One key.',
            fields: {
              id: { kind: 'string', default: '', doc: 'Id shown on traces.' },
              token: { kind: 'string', default: '', secret: true, doc: 'The key itself.' },
              org_id: { kind: 'string', default: '', doc: 'Organization; empty means default.' },
              workspace_id: {
                kind: 'string',
                default: '',
                doc: 'Workspace; empty means team, else default.',
              },
              team: { kind: 'string', default: '', doc: 'Team; empty means workspace_id.' },
              name: { kind: 'string', default: '', doc: 'Name for people.' },
              description: { kind: 'string', default: '', doc: 'Note for people.' },
              created_by: { kind: 'string', default: '', doc: 'Who made it.' },
              role: {
                kind: 'string',
                default: '',
                doc: 'owner, admin, developer (as when empty), member, viewer, or custom: the permissions listed here alone.',
              },
              scope: {
                kind: 'string',
                default: 'workspace',
                doc: 'What it may read: its workspace, or with organization every workspace of its organization.',
              },
              permissions: {
                kind: 'strings',
                default: [],
                doc: 'Further permissions: proxy:write, analytics:read, keys:manage, audit:read.',
              },
              ...KEY_RULES,
              expires_at: {
                kind: 'string',
                default: '',
                doc: 'When it ends: YYYY-MM-DD or RFC 3339; empty means never.',
              },
              limits: { kind: 'list', doc: 'Limits for this key alone.', item: KEY_LIMIT },
            },
          },
        },
      },
    },
    limits: LIMITS,
  },
}
