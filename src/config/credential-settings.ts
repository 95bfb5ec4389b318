import type { Section } from './setting.ts'

/** Type of the subject token unless the settings name another. @see https://datatracker.ietf.org/doc/html/rfc8693#section-3 */
const JWT_TYPE = 'urn:ietf:params:oauth:token-type:jwt'

const TOKEN_EXCHANGE: Section = {
  kind: 'section',
  type: 'config.TokenExchangeConfig',
  doc: 'An OAuth token exchange (RFC 8693). The token that it returns is the credential.',
  fields: {
    url: { kind: 'string', default: '', doc: 'Token endpoint.' },
    subject_token_file: {
      kind: 'string',
      default: '',
      doc: 'File with the token that is exchanged. It is read at each exchange.',
    },
    subject_token_type: { kind: 'string', default: JWT_TYPE, doc: 'Its type.' },
    audience: { kind: 'string', default: '', doc: 'For whom the new token is. Empty sends none.' },
    refresh_s: {
      kind: 'int',
      default: 0,
      unit: 's',
      doc: 'When to exchange again. 60 seconds before the token expires, if that is earlier. 0 means refresh_s of the credential.',
    },
  },
}

/** One credential that the gateway holds. */
const HELD: Section = {
  kind: 'section',
  type: 'config.HeldCredentialConfig',
  doc: 'One credential. It has exactly one of env, file, command and token_exchange.',
  fields: {
    name: { kind: 'string', default: '', doc: 'Name in traces, logs and messages. Unique for its provider.' },
    env: { kind: 'string', default: '', doc: 'Variable that holds it.' },
    file: { kind: 'string', default: '', doc: 'File that holds it.' },
    command: {
      kind: 'strings',
      default: [],
      command: true,
      doc: 'Program that prints it, and its arguments. No shell. It has 30 seconds.',
    },
    token_exchange: TOKEN_EXCHANGE,
    type: {
      kind: 'string',
      default: '',
      doc: `What the source holds: aws or google_service_account. Empty means the credential itself.`,
    },
    region: {
      kind: 'string',
      default: '',
      doc: 'With type aws: region of the signature. Empty means the one in the host of upstream.',
    },
    service: {
      kind: 'string',
      default: '',
      doc: 'With type aws: service of the signature. Empty means bedrock-mantle at hosts of that name, bedrock elsewhere.',
    },
    weight: { kind: 'int', default: 1, doc: 'Share of the requests, relative to the others; 1 to 1000.' },
    refresh_s: {
      kind: 'int',
      default: 300,
      unit: 's',
      doc: 'When to read it again. It is also read again after a 401.',
    },
  },
}

/** The credentials of one provider. */
export const CREDENTIALS: Section = {
  kind: 'section',
  type: 'config.CredentialsConfig',
  doc: 'Whose credential goes to the provider.',
  fields: {
    use: {
      kind: 'string',
      default: 'client',
      doc: "client: the caller's own. gateway: always one of held; the caller's is removed. client_or_gateway: the caller's own, else one of held.",
    },
    held: {
      kind: 'list',
      doc: 'Credentials that the gateway holds, in memory only. Requests use them in turn, by weight.',
      item: HELD,
    },
  },
}
