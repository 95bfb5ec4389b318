import type { Section } from './setting.ts'

/** `pii`: what the detectors find, and what happens to it. */
export const PII_SETTINGS: Section = {
  kind: 'section',
  type: 'config.PIIConfig',
  doc: 'Personal data. Stored header fields with credentials are masked in every mode.',
  fields: {
    mode: {
      kind: 'string',
      default: '',
      doc: 'off, redact_storage, redact_upstream, block, redact_response or block_response. Join one for requests and one for responses with +. Empty means redact_storage if bodies are captured, else off.',
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
          doc: 'Inspect request bodies, in transit and for storage.',
        },
        response_headers: {
          kind: 'bool',
          default: true,
          doc: 'Mask the denylist in stored response headers.',
        },
        response_body: {
          kind: 'bool',
          default: true,
          doc: 'Inspect response bodies, in transit and for storage.',
        },
      },
    },
    detectors: {
      kind: 'section',
      type: 'config.PIIDetectorsConfig',
      doc: 'What the gateway detects.',
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
          doc: 'Detectors of your own.',
          item: {
            kind: 'section',
            type: 'config.PIICustomDetectorConfig',
            doc: 'One detector: a pattern or words.',
            fields: {
              name: { kind: 'string', default: '', doc: 'Permanent name. Counters show it.' },
              type: {
                kind: 'string',
                default: '',
                doc: 'Name of the type in placeholders. Empty means the name in capitals.',
              },
              pattern: {
                kind: 'string',
                default: '',
                doc: 'Regular expression in RE2 syntax. Its time is linear in the text.',
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
          doc: 'Member names whose values are replaced completely. Case, -, _ and spaces do not matter.',
        },
        path_denylist: {
          kind: 'strings',
          default: [],
          doc: 'Paths of values that are replaced completely: messages[*].content, metadata.*.',
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
          doc: "Salt of the Go gateway. If set, hashes are the same as the Go gateway's.",
        },
        hash_key: {
          kind: 'string',
          default: '',
          secret: true,
          doc: 'Key of the hashes. Empty means the file redaction.key beside the journal, created at the first start. Gateways of one store need the same.',
        },
        reversible: {
          kind: 'bool',
          default: false,
          doc: 'With redact_upstream: put numbered placeholders into requests, and restore the originals in responses.',
        },
      },
    },
    uninspectable: {
      kind: 'string',
      default: 'deny',
      doc: 'Content that cannot be inspected (images, audio, unknown types). deny refuses it in transit and does not store it. allow lets it pass.',
    },
    max_inspect_bytes: {
      kind: 'int',
      default: 10_485_760,
      unit: 'bytes',
      doc: 'Largest request, response or event that is inspected in transit, decoded. A larger one gets 413.',
    },
    scopes: {
      kind: 'list',
      doc: 'Other modes for some traffic. The most specific match wins.',
      item: {
        kind: 'section',
        type: 'config.PIIScopeConfig',
        doc: 'One scope.',
        fields: {
          match: {
            kind: 'section',
            type: 'config.PIIScopeMatchConfig',
            doc: 'All selectors that are set must match.',
            fields: {
              org_id: { kind: 'string', default: '', doc: 'Organization.' },
              workspace_id: { kind: 'string', default: '', doc: 'Workspace.' },
              key_id: { kind: 'string', default: '', doc: 'Gateway key.' },
              provider: { kind: 'string', default: '', doc: 'Provider name.' },
              route_prefix: { kind: 'string', default: '', doc: 'Path prefix on the gateway.' },
            },
          },
          mode: { kind: 'string', default: '', doc: 'Mode. Empty inherits.' },
          policy_id: { kind: 'string', default: '', doc: 'Policy id. Empty inherits.' },
        },
      },
    },
  },
}
