import type { Section, Setting } from './setting.ts'

/** One target of a model. */
const TARGET: Section = {
  kind: 'section',
  type: 'config.TargetConfig',
  doc: 'One target.',
  fields: {
    provider: { kind: 'string', default: '', doc: 'Name of a provider in this file.' },
    model: {
      kind: 'string',
      default: '',
      doc: 'What the provider calls the model. Empty means the name that was asked for.',
    },
    weight: { kind: 'float', default: 1, doc: 'Its share of the requests of its tier. Above 0.' },
    tier: {
      kind: 'int',
      default: 1,
      doc: 'From 1. A tier is used only while no lower one has an available target.',
    },
  },
}

/** `models`. */
export const MODELS: Setting = {
  kind: 'list',
  doc: 'Names that callers may put into `model`, and where such requests go.',
  item: {
    kind: 'section',
    type: 'config.ModelConfig',
    doc: 'One name.',
    fields: {
      name: { kind: 'string', default: '', doc: 'What callers put into `model`.' },
      targets: { kind: 'list', doc: 'Where requests may go.', item: TARGET },
      affinity: {
        kind: 'string',
        default: 'session',
        doc: 'What stays at one target while that is available: session, end_user or none.',
      },
      require: {
        kind: 'section',
        type: 'config.RequireConfig',
        doc: 'What every target must meet. A failure never widens it.',
        fields: {
          region: {
            kind: 'strings',
            default: [],
            doc: 'Allowed values of providers.<name>.region. An empty list allows all.',
          },
          zero_retention: {
            kind: 'bool',
            default: false,
            doc: 'true allows only providers with zero_retention.',
          },
        },
      },
    },
  },
}

/** `routing`. */
export const ROUTING: Section = {
  kind: 'section',
  type: 'config.RoutingConfig',
  doc: 'Where requests for a model go, and when they are sent again.',
  fields: {
    attempts: { kind: 'int', default: 3, doc: 'Attempts of one request, the first included.' },
    retry_budget: {
      kind: 'float',
      default: 0.2,
      doc: 'Share of the requests of the last 10 s that may be sent again, at least 10 requests. The first move to an untried target is always allowed.',
    },
    hold_bytes: {
      kind: 'int',
      default: 65_536,
      unit: 'bytes',
      doc: 'Part of a stream that is held until its first content, so that another target can respond instead.',
    },
    replay_bytes: {
      kind: 'int',
      default: 4_194_304,
      unit: 'bytes',
      doc: 'Largest request body that can be sent a second time.',
    },
    breaker: {
      kind: 'section',
      type: 'config.BreakerConfig',
      doc: 'When a failing target gets no more requests.',
      fields: {
        failures: { kind: 'int', default: 3, doc: 'Failures within window_ms that open it.' },
        window_ms: {
          kind: 'int',
          default: 10_000,
          unit: 'ms',
          doc: 'Time over which failures count together.',
        },
        open_ms: {
          kind: 'int',
          default: 30_000,
          unit: 'ms',
          doc: 'How long it stays open. Then one request tries the target.',
        },
      },
    },
    default_provider: {
      kind: 'section',
      type: 'config.DefaultProviderConfig',
      doc: 'Providers of models that are neither in models nor written as provider/model.',
      fields: {
        openai: { kind: 'string', default: 'openai', doc: 'For requests to the API of OpenAI.' },
        anthropic: { kind: 'string', default: 'anthropic', doc: 'For requests to the API of Anthropic.' },
        gemini: { kind: 'string', default: 'gemini', doc: 'For requests to the API of Gemini.' },
      },
    },
    expose: {
      kind: 'bool',
      default: false,
      doc: 'Adds X-OngoingAI-Attempts and X-OngoingAI-Target to responses.',
    },
  },
}
