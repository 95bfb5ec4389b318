import type { Section, Setting } from './setting.ts'

const none = 'no limit'

/** One policy of limits. */
const POLICY_FIELDS: Readonly<Record<string, Setting>> = {
  name: { kind: 'string', default: '', doc: 'Permanent name. Counters and refusals show it.' },
  split_by: {
    kind: 'string',
    default: '',
    doc: 'provider or model: counts each separately. Empty counts them together.',
  },
  requests_per_minute: { kind: 'int', default: 0, doc: `Requests in any 60 seconds. 0 means ${none}.` },
  tokens_per_minute: {
    kind: 'int',
    default: 0,
    doc: `Input and output tokens in any 60 seconds. 0 means ${none}.`,
  },
  concurrent_requests: { kind: 'int', default: 0, doc: `Concurrent requests. 0 means ${none}.` },
  max_request_bytes: {
    kind: 'int',
    default: 0,
    unit: 'bytes',
    doc: `Largest request body. A larger one gets 413. 0 means ${none}.`,
  },
  budget: {
    kind: 'section',
    type: 'config.BudgetConfig',
    doc: 'What may be spent in a period.',
    fields: {
      cost_usd: { kind: 'float', default: 0, unit: 'USD', doc: `Cost. 0 means ${none}.` },
      tokens: { kind: 'int', default: 0, doc: `Input and output tokens. 0 means ${none}.` },
      period: {
        kind: 'string',
        default: 'day',
        doc: 'day, week (from Monday), month, rolling (the last rolling_hours) or total (all time).',
      },
      rolling_hours: { kind: 'int', default: 24, unit: 'hours', doc: 'Length of a rolling period.' },
      time_zone: {
        kind: 'string',
        default: 'UTC',
        doc: 'IANA time zone of days, weeks and months, such as Europe/Berlin.',
      },
      enforcement: {
        kind: 'string',
        default: 'hard',
        doc: 'soft only warns. hard reserves an estimate, and refuses requests once the budget is spent. strict reserves the maximum cost of a request.',
      },
      count_included: {
        kind: 'bool',
        default: false,
        doc: 'true counts requests that a subscription pays for, at list prices. false leaves them out of cost_usd.',
      },
      warn_at: {
        kind: 'strings',
        numbers: true,
        default: [],
        doc: 'Shares that warn once per period, in the log, the audit trail and the webhooks: [0.8, 0.95].',
      },
    },
  },
  on_backend_failure: {
    kind: 'string',
    default: 'allow',
    doc: 'What happens while the counters cannot be read: allow, or deny with 503.',
  },
}

/** Which requests a policy applies to. */
const MATCH: Section = {
  kind: 'section',
  type: 'config.LimitMatchConfig',
  doc: 'Which requests it applies to. All fields that are set must match.',
  fields: {
    org_id: { kind: 'string', default: '', doc: 'Organization.' },
    workspace_id: { kind: 'string', default: '', doc: 'Workspace.' },
    key_id: { kind: 'string', default: '', doc: 'Gateway key.' },
    provider: { kind: 'string', default: '', doc: 'Provider name.' },
    model: { kind: 'string', default: '', doc: 'Model, or a prefix followed by *.' },
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
  doc: 'One policy for this key only.',
  fields: { ...POLICY_FIELDS, match: MATCH },
}

/** The restrictions of a key. */
export const KEY_RULES = {
  models: {
    kind: 'strings',
    default: [],
    doc: 'Allowed models, or prefixes followed by *. An empty list allows all.',
  },
  providers: { kind: 'strings', default: [], doc: 'Allowed providers by name. An empty list allows all.' },
  routes: {
    kind: 'strings',
    default: [],
    doc: 'Allowed paths on the gateway, or prefixes followed by *. An empty list allows all.',
  },
  networks: {
    kind: 'strings',
    default: [],
    doc: 'Allowed client addresses and networks (CIDR). An empty list allows all.',
  },
} as const satisfies Readonly<Record<string, Setting>>

const usageLimit = (doc: string): Section => ({
  kind: 'section',
  type: 'config.UsageLimitConfig',
  doc,
  fields: {
    requests_per_minute: { kind: 'int', default: 0, doc: `Requests in any 60 seconds. 0 means ${none}.` },
    max_tokens_per_day: { kind: 'int', default: 0, doc: `Tokens in a UTC day. 0 means ${none}.` },
    max_cost_usd_per_day: {
      kind: 'float',
      default: 0,
      unit: 'USD',
      doc: `Cost in a UTC day. 0 means ${none}.`,
    },
  },
})

/** `limits`. */
export const LIMITS: Section = {
  kind: 'section',
  type: 'config.LimitsConfig',
  doc: 'Rates and budgets of gateway keys and of the people who use them.',
  fields: {
    backend: {
      kind: 'string',
      default: 'memory',
      doc: 'Where limits are counted: memory (in each gateway), redis, or postgres (in the store; needs storage.driver=postgres).',
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
      doc: 'For backend: redis. Prefix of the names in Redis. Gateways with the same prefix count together. Empty means the installation id of the store.',
    },
    backend_timeout_ms: {
      kind: 'int',
      default: 2000,
      unit: 'ms',
      doc: 'How long a shared backend may take. Then on_backend_failure applies.',
    },
    max_wait_ms: {
      kind: 'int',
      default: 500,
      unit: 'ms',
      doc: 'Longest wait of a request while others have reserved the rest of a budget. 0 refuses at once.',
    },
    per_key: usageLimit('For each gateway key.'),
    per_workspace: usageLimit('For each workspace.'),
    policies: {
      kind: 'list',
      doc: 'Further limits. Every policy that matches a request applies.',
      item: LIMIT_POLICY,
    },
    webhooks: {
      kind: 'list',
      doc: 'Receivers of budget warnings, sent as signed JSON.',
      item: {
        kind: 'section',
        type: 'config.WebhookConfig',
        doc: 'One receiver.',
        fields: {
          url: {
            kind: 'string',
            default: '',
            secret: true,
            doc: 'http:// or https:// URL that accepts a POST.',
          },
          secret: {
            kind: 'string',
            default: '',
            secret: true,
            doc: 'Signs every message. X-OngoingAI-Signature is t=<seconds>,v1=<HMAC-SHA256 of "<seconds>.<body>">.',
          },
        },
      },
    },
  },
}
