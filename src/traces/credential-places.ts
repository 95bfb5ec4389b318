import {
  bareCredential,
  CREDENTIAL_FIELDS,
  isQueryCredential,
  SUBPROTOCOL_FIELD,
  subprotocolKeys,
} from './provider-credential.ts'

/** The parts of a request in which a provider's credential may stand. */
export interface CredentialPlaces {
  /** Lower-case names. */
  readonly fields: Readonly<Record<string, string>>
  /** Begins with `?`, or is empty. */
  readonly query: string
}

/**
 * A request without some of the credentials that stand where providers take theirs: fields, query, a WebSocket's subprotocols.
 *
 * @param extraField the provider's own credential field; empty for none
 * @param isRemoved is asked about each, without `Bearer`; called with an empty text for an empty field
 * @returns the same object when nothing was removed
 */
export function withoutCredentials(
  request: CredentialPlaces,
  extraField: string,
  isRemoved: (credential: string) => boolean,
): CredentialPlaces {
  const fields = fieldsWithout(request.fields, extraField, isRemoved)
  const query = queryWithout(request.query, isRemoved)
  return fields === request.fields && query === request.query ? request : { fields, query }
}

function fieldsWithout(
  fields: CredentialPlaces['fields'],
  extraField: string,
  isRemoved: (credential: string) => boolean,
): CredentialPlaces['fields'] {
  let rest: Record<string, string> | undefined
  for (const name of extraField === '' ? CREDENTIAL_FIELDS : [...CREDENTIAL_FIELDS, extraField]) {
    const value = fields[name]
    if (value === undefined || !isRemoved(bareCredential(name, value))) continue
    rest ??= { ...fields }
    delete rest[name]
  }
  const subprotocols = fields[SUBPROTOCOL_FIELD]
  if (subprotocols === undefined) return rest ?? fields
  const kept = subprotocolsWithout(subprotocols, isRemoved)
  if (kept === subprotocols) return rest ?? fields
  rest ??= { ...fields }
  if (kept === '') delete rest[SUBPROTOCOL_FIELD]
  else rest[SUBPROTOCOL_FIELD] = kept
  return rest
}

function queryWithout(query: string, isRemoved: (credential: string) => boolean): string {
  if (query === '') return query
  const pairs = query.slice(1).split('&')
  const kept = pairs.filter((pair) => {
    const equals = pair.indexOf('=')
    return equals < 1 || !isQueryCredential(pair.slice(0, equals)) || !isRemoved(pair.slice(equals + 1))
  })
  if (kept.length === pairs.length) return query
  return kept.length === 0 ? '' : `?${kept.join('&')}`
}

/** A list of subprotocols without those that hold such a key, and without the name before a key that stands alone. */
function subprotocolsWithout(list: string, isRemoved: (credential: string) => boolean): string {
  const removed = subprotocolKeys(list).filter(({ key }) => isRemoved(key))
  if (removed.length === 0) return list
  const all = [...list.matchAll(/[^,\s]+/g)]
  const isKey = (index: number): boolean => {
    const item = all[index]
    if (!item) return false
    const end = item.index + item[0].length
    return removed.some((key) => key.end === end && key.start >= item.index)
  }
  const standsAlone = (index: number): boolean => removed.some(({ start }) => start === all[index]?.index)
  return all
    .filter((_, i) => !isKey(i) && !(isKey(i + 1) && standsAlone(i + 1)))
    .map(([subprotocol]) => subprotocol)
    .join(', ')
}
