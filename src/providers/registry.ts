import type { PathReadings } from '../wire/url/path-readings.ts'
import type { WireApi } from './apis/wire-api.ts'
import type { DialectName } from './dialects/dialects.ts'
import type { Operation, OperationCost } from './operation.ts'
import { OPERATIONS } from './operations.ts'

interface Row {
  readonly operation: Operation
  /** Segments before the last, nearest first. */
  readonly before: readonly string[]
}

/** Rows by the last segment of their pattern: `{}`, a verb with its colon, or the segment itself. */
const BY_LAST_SEGMENT = new Map<string, Row[]>()
for (const operation of OPERATIONS) {
  const segments = operation.path.toLowerCase().split('/')
  const last = segments.pop()!
  const row = { operation, before: segments.filter((segment) => segment !== '').reverse() }
  const rows = BY_LAST_SEGMENT.get(last)
  if (rows) rows.push(row)
  else BY_LAST_SEGMENT.set(last, [row])
}

const APIS_BY_NAME = new Map<string, WireApi>(OPERATIONS.flatMap(({ api }) => (api ? [[api.name, api]] : [])))

/** Methods that only read or delete. */
const READING: readonly string[] = ['GET', 'HEAD', 'DELETE', 'OPTIONS']

/** Fields by which an upstream may take a request for one of another method, as Google's APIs do. */
const METHOD_FIELDS = ['x-http-method-override', 'x-http-method', 'x-method-override']

/** The same in a query, without escapes: Google's own clients write the first one. */
const METHOD_PARAMETERS = ['$httpmethod', '_method']

/** A call that stands in no row: reading methods are free, and of others nothing is known. */
const READS: Operation = {
  method: 'GET',
  path: '',
  cost: { kind: 'free', because: 'no provider has a price for methods that only read or delete' },
  models: { kind: 'none' },
}
const UNKNOWN: Operation = {
  method: 'POST',
  path: '',
  cost: { kind: 'unknown' },
  models: { kind: 'content' },
  nested: ['modelId', 'model_id', 'modelName', 'model_name', 'engine'],
}
const UNKNOWN_SOCKET: Operation = { ...UNKNOWN, method: 'WS', models: { kind: 'messages' } }

/**
 * The method by which a request is judged. A client that asks the upstream to take it for one of another method is judged by the one that
 * may bill.
 *
 * @param query with `?`, or empty
 * @param fields lower-case names
 */
export function judgedMethod(
  method: string,
  query: string,
  fields: Readonly<Record<string, string>>,
): string {
  return METHOD_FIELDS.some((name) => fields[name] !== undefined) || queryNamesMethod(query) ? 'POST' : method
}

function queryNamesMethod(query: string): boolean {
  // Nearly all queries are empty, or hold the word in no spelling.
  if (!/method|%/i.test(query)) return false
  return [...new URLSearchParams(query).keys()].some((name) => METHOD_PARAMETERS.includes(name.toLowerCase()))
}

/** What may cost any amount that is not seen. */
const UNHELD: ReadonlySet<OperationCost['kind']> = new Set(['later', 'unseen'])

/**
 * The operation of a request, by its method and the end of its path, for every provider. The plain reading is needed where a
 * name in the path holds an escaped `/`; what may be billed in it is not hidden by what the loose one says.
 *
 * @param readings of the path below the provider's prefix, without query
 * @param upgrade to a WebSocket
 */
export function operationOf(method: string, { plain, loose }: PathReadings, upgrade: boolean): Operation {
  const operation = operationAt(method, loose, upgrade)
  if (operation.api || UNHELD.has(operation.cost.kind) || plain === loose) return operation
  const other = operationAt(method, plain.replace(/\/{2,}/g, '/'), upgrade)
  return other.api || UNHELD.has(other.cost.kind) ? other : operation
}

function operationAt(method: string, sent: string, upgrade: boolean): Operation {
  const path = sent.toLowerCase()
  const asked = upgrade ? 'WS' : method
  const end = path.length > 1 && path.endsWith('/') ? path.length - 1 : path.length
  const slash = path.lastIndexOf('/', end - 1)
  const last = path.slice(slash + 1, end)
  const operation =
    find(asked, path, slash, last) ??
    find(asked, path, slash, suffixOf(last)) ??
    find(asked, path, slash, '{}')
  if (operation) return operation
  if (asked === 'WS') return UNKNOWN_SOCKET
  return READING.includes(asked) ? READS : UNKNOWN
}

/** `:verb` of `model:verb`, or `.Method` of a dotted service name. */
function suffixOf(segment: string): string {
  const colon = segment.lastIndexOf(':')
  return colon >= 0 ? segment.slice(colon) : segment.slice(Math.max(segment.lastIndexOf('.'), 0))
}

function find(method: string, path: string, slash: number, last: string): Operation | undefined {
  const rows = BY_LAST_SEGMENT.get(last)
  if (!rows) return undefined
  for (const row of rows) {
    if (row.operation.method === method && precededBy(path, slash, row.before)) return row.operation
  }
  return undefined
}

function precededBy(path: string, slash: number, segments: readonly string[]): boolean {
  let end = slash
  for (const segment of segments) {
    if (end <= 0) return false
    const start = path.lastIndexOf('/', end - 1)
    if (segment !== '{}' && path.slice(start + 1, end) !== segment) return false
    end = start
  }
  return true
}

/** The wire API of that name. Names come from our own records, so an unknown one is a bug. */
export function wireApiNamed(name: string): WireApi | undefined {
  return APIS_BY_NAME.get(name)
}

/** The dialect of errors on a route: that of the API in use, where one vendor invented it, else of the provider. */
export function dialectOf(readings: PathReadings, provider: DialectName): DialectName {
  return operationOf('POST', readings, false).dialect ?? provider
}
