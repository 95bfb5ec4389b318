import { StorageError } from '../storage-error.ts'

/** Keywords that have a place of their own in a URL. */
const IN_PLACE = ['host', 'hostaddr', 'port', 'user', 'password', 'dbname']

/**
 * A connection string as the driver takes it: a URL. One of keywords and values (`host=db user=x`), as libpq and the Go gateway take it too, is
 * rewritten. `sslmode` works as in libpq.
 *
 * @throws StorageError when it is neither; the message does not repeat it, for it may hold a password
 * @see https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING
 */
export function postgresUrl(dsn: string): string {
  const url = /^postgres(ql)?:\/\//.test(dsn) ? parseUrl(dsn) : urlOfKeywords(readKeywords(dsn))
  if (url.searchParams.has('sslmode') && !url.searchParams.has('uselibpqcompat')) {
    url.searchParams.set('uselibpqcompat', 'true')
  }
  return url.href
}

function parseUrl(dsn: string): URL {
  if (!URL.canParse(dsn)) throw new StorageError('the postgres dsn is not a valid URL')
  return new URL(dsn)
}

function readKeywords(dsn: string): Map<string, string> {
  const keywords = new Map<string, string>()
  const pair = /\s*([a-z_]+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s'\\]|\\.)*))\s*/y
  while (pair.lastIndex < dsn.length) {
    const match = pair.exec(dsn)
    if (!match) throw new StorageError('the postgres dsn is neither a URL nor keywords with values')
    keywords.set(match[1]!, (match[2] ?? match[3] ?? '').replaceAll(/\\(.)/g, '$1'))
  }
  if (keywords.size === 0) throw new StorageError('the postgres dsn is empty')
  return keywords
}

function urlOfKeywords(keywords: ReadonlyMap<string, string>): URL {
  const url = new URL('postgres://localhost')
  const host = keywords.get('host') ?? keywords.get('hostaddr') ?? 'localhost'
  // A folder holds a socket.
  if (host.startsWith('/')) url.searchParams.set('host', host)
  else url.hostname = host.includes(':') ? `[${host}]` : host
  url.port = keywords.get('port') ?? ''
  url.username = encodeURIComponent(keywords.get('user') ?? '')
  url.password = encodeURIComponent(keywords.get('password') ?? '')
  url.pathname = `/${encodeURIComponent(keywords.get('dbname') ?? keywords.get('user') ?? '')}`
  for (const [name, value] of keywords) if (!IN_PLACE.includes(name)) url.searchParams.set(name, value)
  return url
}
