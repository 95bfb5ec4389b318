import { objectOf, parseObject, textOf, type JsonObject } from '../wire/json/values.ts'
import { isCredentialName } from '../redaction/credential-name.ts'
import { REDACTED, withoutCredentials } from '../redaction/without-credentials.ts'

/** Longest stored text of a client's attribution, and the largest number of tags. */
const MAX_LENGTH = 256

/** A credential is only recognised complete, so more is read than stored. */
const MAX_READ = 1024

const MAX_TAG_LENGTH = 200
const MAX_TAGS = 16

/** Who and what an exchange belongs to, as the client states it. Empty if it does not. */
export interface Attribution {
  readonly sessionId: string
  readonly endUser: string
  /** Name of the program or library: the product of its `User-Agent`. */
  readonly client: string
  readonly clientVersion: string
  /** Agent within the client, where it runs several. */
  readonly agent: string
  /** Repository or workspace the client works in. */
  readonly project: string
  readonly tags: Readonly<Record<string, string>>
}

/** A request without attribution. */
export const NO_ATTRIBUTION: Attribution = {
  sessionId: '',
  endUser: '',
  client: '',
  clientVersion: '',
  agent: '',
  project: '',
  tags: {},
}

/** Fields that name a session, by the clients that send them: Claude Code, Codex, opencode. */
const SESSION_FIELDS = [
  'x-claude-code-session-id',
  'session-id',
  'session_id',
  'x-session-id',
  'x-session-affinity',
]

/**
 * Reads the attribution of a request. Everything comes from the client, so it is unproven. It is bounded, and control
 * characters are removed.
 *
 * @param fields lower-case names
 * @param request the members of the request that were read
 */
export function readAttribution(fields: Readonly<Record<string, string>>, request: JsonObject): Attribution {
  const user = readUser(request)
  const turn = parseObject(fields['x-codex-turn-metadata'] ?? '')
  const { client, clientVersion } = clientOf(fields['user-agent'])
  return {
    sessionId: sessionOf(fields) || clean(turn?.['session_id']) || user.session,
    endUser: user.name,
    client,
    clientVersion,
    agent: clean(turn?.['agent_name']),
    project: readProject(turn),
    tags: readTags(fields['x-ongoingai-tags'] ?? ''),
  }
}

/** The first of the fields that name a session; empty for none. */
function sessionOf(fields: Readonly<Record<string, string>>): string {
  for (const name of SESSION_FIELDS) {
    const value = fields[name]
    const session = value === undefined ? '' : clean(value)
    if (session !== '') return session
  }
  return ''
}

type Client = Pick<Attribution, 'client' | 'clientVersion'>

/** Clients by their `User-Agent`. Few programs send most requests; made-up names must not fill the memory. */
const CLIENTS = new Map<string, Client>()
const MAX_CLIENTS = 1000

function clientOf(userAgent: string | undefined): Client {
  if (userAgent === undefined) return NO_ATTRIBUTION
  const known = CLIENTS.get(userAgent)
  if (known) return known
  const client = readClient(userAgent)
  if (userAgent.length > MAX_LENGTH || withoutCredentials(userAgent) !== userAgent) return client
  if (CLIENTS.size >= MAX_CLIENTS) CLIENTS.clear()
  CLIENTS.set(userAgent, client)
  return client
}

/** `name/1.2.3 …`, or `Name/JS 1.2.3` as the providers' own libraries write it. */
function readClient(userAgent: string): Client {
  const product = /^([\w.+-]+(?:\/[A-Za-z][\w.+-]*)?)[/ ]v?(\d[\w.+-]*)/.exec(userAgent.trim())
  if (product) return { client: clean(product[1]), clientVersion: clean(product[2]) }
  return { client: clean(/^[^\s/(]+/.exec(userAgent.trim())?.[0]), clientVersion: '' }
}

/**
 * The end user. Claude Code puts its device, account and session into `metadata.user_id`, as JSON or, before, as
 * `user_…_account_…_session_…`; others put a name of their own there, or into `user` or `safety_identifier`.
 */
function readUser(request: JsonObject): { name: string; session: string } {
  const id = textOf(objectOf(request['metadata'])?.['user_id'])
  if (id === undefined) return { name: clean(request['safety_identifier'] ?? request['user']), session: '' }
  const parts = id.startsWith('{') ? parseObject(id) : undefined
  if (parts) {
    return {
      name: clean(parts['account_uuid']) || clean(parts['device_id']),
      session: clean(parts['session_id']),
    }
  }
  const old = /^user_([0-9a-f]+)_account_([0-9a-f-]*)_session_([0-9a-f-]+)$/i.exec(id)
  if (old) return { name: clean(old[2]) || clean(old[1]), session: clean(old[3]) }
  return { name: clean(id), session: '' }
}

/** The first workspace of a Codex turn: its remote repository, else the name of its folder. */
function readProject(turn: JsonObject | undefined): string {
  const [path, workspace] = Object.entries(objectOf(turn?.['workspaces']) ?? {})[0] ?? []
  if (path === undefined) return ''
  const remotes = objectOf(objectOf(workspace)?.['associated_remote_urls'])
  const remote = textOf(Object.values(remotes ?? {})[0])
  // A remote's URL may carry a credential.
  if (remote) return clean(remote.replace(/^([a-z+]+:\/\/)[^/@]*@/, '$1'))
  return clean(path.split(/[\\/]/).filter(Boolean).at(-1))
}

/** `k=v,k=v`. Anything else, or beyond the limits, is left out. */
function readTags(text: string): Attribution['tags'] {
  if (text === '') return NO_ATTRIBUTION.tags
  const tags: Record<string, string> = {}
  for (const pair of text.split(',')) {
    const equals = pair.indexOf('=')
    const key = pair.slice(0, Math.max(equals, 0)).trim()
    const value = isCredentialName(key) ? REDACTED : clean(pair.slice(equals + 1)).slice(0, MAX_TAG_LENGTH)
    if (!TAG_KEY.test(key) || value === '' || Object.keys(tags).length >= MAX_TAGS) continue
    tags[key] = value
  }
  return tags
}

/** The characters of a tag's key. */
const TAG_KEY = /^[A-Za-z][\w.-]{0,63}$/

function clean(value: unknown): string {
  if (typeof value !== 'string') return ''
  const text = value.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '').trim()
  return withoutCredentials(text.slice(0, MAX_READ)).slice(0, MAX_LENGTH)
}
