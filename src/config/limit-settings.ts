import type { Section, Setting } from './setting.ts'

const none = 'no limit'

/** One policy of limits. */
const POLICY_FIELDS: Readonly<Record<string, Setting>> = {
  name: { kind: 'string', default: '', doc: 'Permanent name: counters and refusals show it.' },
  split_by: {
    kind: 'string',
    default: '',
    doc: 'provider or model: each counts apart; empty counts them together.',
  },
  requests_per_minute: { kind: 'int', default: 0, doc: `Requests in any 60 seconds; 0 means ${none}.` },
  tokens_per_minute: {
    kind: 'int',
    default: 0,
    doc: `Tokens read and written in any 60 seconds; 0 means ${none}.`,
  },
  concurrent_requests: { kind: 'int', default: 0, doc: `Requests under way at once; 0 means ${none}.` },
  max_request_bytes: {
    kind: 'int',
    default: 0,
    unit: 'bytes',
    doc: `Largest request body, answered with 413 past it; 0 means ${none}.`,
  },
  budget: {
    kind: 'section',
    type: 'config.BudgetConfig',
    doc: 'What may be spent in a period.',
    fields: {
      cost_usd: { kind: 'float', default: 0, unit: 'USD', doc: `Cost; 0 means ${none}.` },
      tokens: { kind: 'int', default: 0, doc: `Tokens read and written; 0 means ${none}.` },
      period: {
        kind: 'string',
        default: 'day',
        doc: 'day, week (from Monday), month, rolling (the last rolling_hours) or total (all time).',
      },
      rolling_hours: { kind: 'int', default: 24, unit: 'hours', doc: 'Length of a rolling period.' },
      time_zone: {
        kind: 'string',
        default: 'UTC',
        doc: 'IANA zone whose days, weeks and months count, such as Europe/Berlin.',
      },
      enforcement: {
        kind: 'string',
        default: 'hard',
        doc: 'soft only warns; hard reserves an estimate and refuses the next request once the budget is spent; strict reserves the most a request can come to.',
      },
      count_included: {
        kind: 'bool',
        default: false,
        doc: 'true counts requests that a subscription pays for, at list prices; false leaves them out of cost_usd.',
      },
      warn_at: {
        kind: 'strings',
        numbers: true,
        default: [],
        doc: 'Shares at which a warning is given once a period, to log, audit trail and webhooks: [0.8, 0.95].',
      },
    },
  },
  on_backend_failure: {
    kind: 'string',
    default: 'allow',
    doc: 'While what has been counted cannot be learnt: allow, or deny with 503.',
  },
}

/** Which requests a policy is for. */
const MATCH: Section = {
  kind: 'section',
  type: 'config.LimitMatchConfig',
  doc: 'Which requests it is for; all that are set must hold.',
  fields: {
    org_id: { kind: 'string', default: '', doc: 'Organization.' },
    workspace_id: { kind: 'string', default: '', doc: 'Workspace.' },
    key_id: { kind: 'string', default: '', doc: 'Gateway key.' },
    provider: { kind: 'string', default: '', doc: 'Provider name.' },
    model: { kind: 'string', default: '', doc: 'Model, or its beginning followed by *.' },
  },
}

/** A policy of the file. */
const LIMIT_POLICY: Section = {
  kind: 'section',
  type: 'config.LimitPolicyConfig',
  doc: 'One policy.',
  fields: {
    ...POLICY_FIELDS,
    per: {
      kind: 'string',
      default: 'workspace',
      doc: 'Whose requests count together: key, workspace, organization, end_user or session.',
    },
    match: MATCH,
  },
}

/** A limit of one key. */
export const KEY_LIMIT: Section = {
  kind: 'section',
  type: 'config.KeyLimitConfig',
  doc: 'One policy for this key alone.',
  fields: { ...POLICY_FIELDS, match: MATCH },
}

/** What a key may be used for. */
export const KEY_RULES = {
  models: {
    kind: 'strings',
    default: [],
    doc: 'Allowed models, or beginnings followed by *; none allows all.',
  },
  providers: { kind: 'strings', default: [], doc: 'Allowed providers by name; none allows all.' },
  routes: {
    kind: 'strings',
    default: [],
    doc: 'Allowed paths on the gateway, or beginnings followed by *; none allows all.',
  },
  networks: {
    kind: 'strings',
    default: [],
    doc: 'Client addresses and networks (CIDR) it may be used from; none allows all.',
  },
} as const satisfies Readonly<Record<string, Setting>>

const usageLimit = (doc: string): Section => ({
  kind: 'section',
  type: 'config.UsageLimitConfig',
  doc,
  fields: {
    requests_per_minute: { kind: 'int', default: 0, doc: `Requests in any 60 seconds; 0 means ${none}.` },
    max_tokens_per_day: { kind: 'int', default: 0, doc: `Tokens in a UTC day; 0 means ${none}.` },
    max_cost_usd_per_day: {
      kind: 'float',
      default: 0,
      unit: 'USD',
      doc: `Cost in a UTC day; 0 means ${none}.`,
    },
  },
})

/** `limits`. */
export const LIMITS: Section = {
  kind: 'section',
  type: 'config.LimitsConfig',
  doc: 'Rates and budgets of gateway keys and the people who use them.',
  fields: {
    backend: {
      kind: 'string',
      default: 'memory',
      doc: 'Where is counted: memory (each gateway for itself), redis, or postgres (the store; needs storage.driver=postgres).',
    },
    redis_url: {
      kind: 'string',
      default: '',
      secret: true,
      doc: 'For backend: redis. redis://[user:password@]host:6379[/0], or rediss:// for TLS.',
    },
    redis_namespace: {
      kind: 'string',
      default: '',
      doc: 'For backend: redis. What the names in Redis begin with; gateways that have it in common count together. Empty means the installation id of the store.',
    },
    backend_timeout_ms: {
      kind: 'int',
      default: 2000,
      unit: 'ms',
      doc: 'How long a shared backend may take to answer before on_backend_failure holds.',
    },
    max_wait_ms: {
      kind: 'int',
      default: 500,
      unit: 'ms',
      doc: 'How long a request waits at most while what is left of a budget is reserved by others; 0 refuses at once.',
    },
    per_key: usageLimit('For each gateway key.'),
    per_workspace: usageLimit('For each workspace.'),
    policies: {
      kind: 'list',
      doc: 'Further limits; all that match a request hold at once.',
      item: LIMIT_POLICY,
    },
    webhooks: {
      kind: 'list',
      doc: 'Where warnings of budgets are sent, as signed JSON.',
      item: {
        kind: 'section',
        type: 'config.WebhookConfig',
        doc: 'One receiver.',
        fields: {
          url: {
            kind: 'string',
            default: '',
            secret: true,
            doc: 'http:// or https:// URL that takes a POST.',
          },
          secret: {
            kind: 'string',
            default: '',
            secret: true,
            doc: 'Signs every message: X-OngoingAI-Signature is t=<seconds>,v1=<HMAC-SHA256 of "<seconds>.<body>">.',
          },
        },
      },
    },
  },
}
