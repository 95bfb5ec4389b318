import type { Section } from './setting.ts'

/** `pii`: what is looked for, and what happens to it. */
export const PII_SETTINGS: Section = {
  kind: 'section',
  type: 'config.PIIConfig',
  doc: 'Personal data. Stored header fields with credentials are masked in every mode.',
  fields: {
    mode: {
      kind: 'string',
      default: '',
      doc: 'off, redact_storage, redact_upstream, block, redact_response or block_response; one for requests and one for answers joined by +. Empty means redact_storage when bodies are captured, else off.',
    },
    policy_id: { kind: 'string', default: 'default/v1', doc: 'Name of the policy, shown on traces.' },
    stages: {
      kind: 'section',
      type: 'config.PIIStagesConfig',
      doc: 'Where redaction acts.',
      fields: {
        request_headers: {
          kind: 'bool',
          default: true,
          doc: 'Mask the denylist in stored request headers.',
        },
        request_body: {
          kind: 'bool',
          default: true,
          doc: 'Look at request bodies, on their way and for storage.',
        },
        response_headers: {
          kind: 'bool',
          default: true,
          doc: 'Mask the denylist in stored response headers.',
        },
        response_body: {
          kind: 'bool',
          default: true,
          doc: 'Look at response bodies, on their way and for storage.',
        },
      },
    },
    detectors: {
      kind: 'section',
      type: 'config.PIIDetectorsConfig',
      doc: 'What is looked for.',
      fields: {
        email: { kind: 'bool', default: true, doc: 'E-mail addresses.' },
        phone: { kind: 'bool', default: true, doc: 'Phone numbers.' },
        ssn: { kind: 'bool', default: true, doc: 'US social security numbers.' },
        token_like: { kind: 'bool', default: true, doc: 'Keys, tokens, private keys and passwords in URLs.' },
        credit_card: { kind: 'bool', default: true, doc: 'Payment card numbers.' },
        iban: { kind: 'bool', default: true, doc: 'International bank account numbers.' },
        ip_address: { kind: 'bool', default: false, doc: 'IP addresses.' },
        custom: {
          kind: 'list',
          doc: 'What else is looked for.',
          item: {
            kind: 'section',
            type: 'config.PIICustomDetectorConfig',
            doc: 'One detector: a pattern or words.',
            fields: {
              name: { kind: 'string', default: '', doc: 'Permanent name: counts show it.' },
              type: {
                kind: 'string',
                default: '',
                doc: 'What placeholders call a find; empty means the name in capitals.',
              },
              pattern: {
                kind: 'string',
                default: '',
                doc: 'Regular expression in the syntax of RE2, whose time is linear in the text.',
              },
              words: { kind: 'strings', default: [], doc: 'Whole words and phrases, in any case.' },
            },
          },
        },
      },
    },
    headers: {
      kind: 'section',
      type: 'config.PIIHeadersConfig',
      doc: 'Header fields.',
      fields: {
        denylist: {
          kind: 'strings',
          default: ['authorization', 'cookie', 'set-cookie', 'x-api-key', 'x-ongoingai-gateway-key'],
          doc: 'Header fields masked in storage besides the built-in ones.',
        },
      },
    },
    body: {
      kind: 'section',
      type: 'config.PIIBodyConfig',
      doc: 'JSON bodies.',
      fields: {
        key_denylist: {
          kind: 'strings',
          default: ['email', 'phone', 'password', 'token', 'secret', 'ssn', 'api_key', 'authorization'],
          doc: 'Member names whose values are replaced whole; case, -, _ and spaces do not matter.',
        },
        path_denylist: {
          kind: 'strings',
          default: [],
          doc: 'Places of values that are replaced whole: messages[*].content, metadata.*.',
        },
      },
    },
    replacement: {
      kind: 'section',
      type: 'config.PIIReplacementConfig',
      doc: 'What a match is replaced with.',
      fields: {
        format: { kind: 'string', default: '[{type}_REDACTED:{hash}]', doc: 'Placeholder.' },
        hash_salt: {
          kind: 'string',
          default: '',
          secret: true,
          doc: "The original's salt: when it is set, hashes are made as the original made them.",
        },
        hash_key: {
          kind: 'string',
          default: '',
          secret: true,
          doc: 'Key of the hashes; empty means that of the file redaction.key beside the journal, which is made at the first start. Gateways of one store need the same.',
        },
        reversible: {
          kind: 'bool',
          default: false,
          doc: 'With redact_upstream: put numbered placeholders into requests, and back what they stand for in answers.',
        },
      },
    },
    uninspectable: {
      kind: 'string',
      default: 'deny',
      doc: 'What cannot be looked into (images, audio, unknown types): deny refuses it on its way and does not store it, allow lets it pass.',
    },
    max_inspect_bytes: {
      kind: 'int',
      default: 10_485_760,
      unit: 'bytes',
      doc: 'Largest request, answer or event that is looked at on its way, decoded; more is answered with 413.',
    },
    scopes: {
      kind: 'list',
      doc: 'Other modes for some traffic; the most specific match wins.',
      item: {
        kind: 'section',
        type: 'config.PIIScopeConfig',
        doc: 'One scope.',
        fields: {
          match: {
            kind: 'section',
            type: 'config.PIIScopeMatchConfig',
            doc: 'All selectors that are set must hold.',
            fields: {
              org_id: { kind: 'string', default: '', doc: 'Organization.' },
              workspace_id: { kind: 'string', default: '', doc: 'Workspace.' },
              key_id: { kind: 'string', default: '', doc: 'Gateway key.' },
              provider: { kind: 'string', default: '', doc: 'Provider name.' },
              route_prefix: { kind: 'string', default: '', doc: 'Path prefix on the gateway.' },
            },
          },
          mode: { kind: 'string', default: '', doc: 'Mode; empty inherits.' },
          policy_id: { kind: 'string', default: '', doc: 'Policy id; empty inherits.' },
        },
      },
    },
  },
}
