import type { KeyActor } from '../access/key-administration.ts'
import type { KeyChange } from '../audit/audit-trail.ts'
import { defined } from '../defined.ts'
import { GatewayError } from '../errors.ts'
import { jsonResponse } from '../http/json-response.ts'
import type { StoredGatewayKey, Tenant } from '../storage/storage.ts'
import type { ApiContext, ApiHandler, ApiRequest } from './api-context.ts'
import { readKeyChanges, readNewKey, readRotation, type KeyInput } from './key-input.ts'
import { fileKeyJson, issuedJson, keyJson } from './key-json.ts'
import { badRequest, QueryParameters } from './query-parameters.ts'
import { readBounded } from './read-bounded.ts'

/** Largest body of a request about keys. */
const MAX_BODY_BYTES = 65_536

/** `GET /api/gateway-keys`: the keys of the caller's tenant that are not revoked. */
export const listKeys: ApiHandler = async (request, { keys }) => {
  const { stored, file } = await storing('failed to list gateway keys', () => keys.list(actorOf(request)))
  return jsonResponse(200, {
    items: [...stored.map((key) => keyJson(key)), ...file.map((key) => fileKeyJson(key))],
  })
}

/** `GET /api/gateway-keys/:id` */
export const getKey: ApiHandler = async (request, { keys }) => {
  const id = request.parameters['id'] ?? ''
  const { file } = await storing('failed to read gateway key', () => keys.list(actorOf(request)))
  const ofFile = file.find((key) => key.id.trim() === id)
  if (ofFile) return jsonResponse(200, fileKeyJson(ofFile))
  return jsonResponse(200, keyJson(await findKey(request, keys)))
}

/** `POST /api/gateway-keys`: makes a key and shows its token, this once. */
export const createKey: ApiHandler = (request, context) =>
  changing(request, context, 'create', 'failed to create gateway key', async (actor, told) => {
    const wanted = readNewKey(await readObject(request.body))
    const issued = await context.keys.create(actor, wanted, Date.now() * 1000)
    told(referenceOf(issued.key))
    return jsonResponse(201, issuedJson(issued))
  })

/** `PATCH /api/gateway-keys/:id`: changes what is given, and nothing else. */
export const updateKey: ApiHandler = (request, context) =>
  changing(request, context, 'update', 'failed to update gateway key', async (actor, told) => {
    const settings = readKeyChanges(await readObject(request.body))
    const key = await findKey(request, context.keys)
    told(referenceOf(key))
    return jsonResponse(200, keyJson(await context.keys.update(actor, key, settings, Date.now() * 1000)))
  })

/** `DELETE /api/gateway-keys/:id`: ends a key for good, everywhere within a second. */
export const revokeKey: ApiHandler = (request, context) =>
  changing(request, context, 'revoke', 'failed to revoke gateway key', async (actor, told) => {
    const key = await findKey(request, context.keys)
    told(referenceOf(key))
    await context.keys.revoke(actor, key, Date.now() * 1000)
    return new Response(null, { status: 204 })
  })

/** `POST /api/gateway-keys/:id/rotate`: gives a key another token; the one before may count for a while. */
export const rotateKey: ApiHandler = (request, context) =>
  changing(request, context, 'rotate', 'failed to rotate gateway key', async (actor, told) => {
    const rotation = readRotation(await readObject(request.body))
    const key = await findKey(request, context.keys)
    told(referenceOf(key))
    const issued = await context.keys.rotate(actor, key, rotation, Date.now() * 1000)
    return jsonResponse(200, issuedJson(issued))
  })

/** Changes a key and writes down that it was changed, or why not; every gateway learns of it, this one at once. */
async function changing(
  request: ApiRequest,
  context: ApiContext,
  action: KeyChange['action'],
  failure: string,
  change: (actor: KeyActor, told: (target: Told) => void) => Promise<Response>,
): Promise<Response> {
  const actor = actorOf(request)
  let target: Told = { target: request.parameters['id'] ?? '', ...actor.tenant }
  const audited = (outcome: KeyChange['outcome'], reason: string, status: number): void => {
    context.audit.keyChanged({
      action,
      outcome,
      reason,
      status,
      correlationId: request.correlationId,
      clientAddress: request.clientAddress,
      actor: actor.name,
      organizationId: target.organizationId ?? 'default',
      workspaceId: target.workspaceId ?? 'default',
      target: target.target ?? '',
    })
  }
  try {
    const response = await storing(failure, () =>
      change(actor, (more) => {
        target = { ...target, ...more }
      }),
    )
    await context.keysChanged()
    audited('success', '', response.status)
    return response
  } catch (error) {
    const { code, status } = error instanceof GatewayError ? error : new GatewayError('internal_error', '')
    audited('error', REASONS[code] ?? (code === 'storage_unavailable' ? `${action}_failed` : code), status)
    throw error
  }
}

interface Told extends Partial<Tenant> {
  readonly target?: string
}

/** The contract's words for why a change failed. */
const REASONS: Readonly<Record<string, string>> = {
  bad_request: 'invalid_json',
  request_body_too_large: 'body_too_large',
  gateway_key_exists: 'conflict',
  gateway_key_not_found: 'not_found',
}

/** @throws GatewayError what the administration throws; `storage_unavailable` for everything else */
async function storing<T>(message: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof GatewayError) throw error
    throw new GatewayError('storage_unavailable', message, { cause: error })
  }
}

function actorOf({ identity }: ApiRequest): KeyActor {
  if (!identity) return { name: 'system', tenant: undefined, powers: undefined }
  return { name: identity.caller.keyId, tenant: identity.caller, powers: identity }
}

function findKey(request: ApiRequest, keys: ApiContext['keys']): Promise<StoredGatewayKey> {
  const query = new QueryParameters(request.query)
  const within = defined({ organizationId: query.text('org_id'), workspaceId: query.text('workspace_id') })
  return keys.get(actorOf(request), request.parameters['id'] ?? '', within)
}

function referenceOf({ organizationId, workspaceId, id }: StoredGatewayKey): Told {
  return { organizationId, workspaceId, target: id }
}

/**
 * A body about a key: nothing, `null`, or an object whose names may be written in any case.
 *
 * @throws GatewayError `bad_request`, `request_body_too_large`
 */
async function readObject(body: ReadableStream<Uint8Array> | null): Promise<KeyInput> {
  const bytes = await readBounded(body, MAX_BODY_BYTES)
  if (bytes.length > MAX_BODY_BYTES)
    throw new GatewayError('request_body_too_large', 'request body too large')
  const content = Buffer.from(bytes).toString('utf8')
  if (content.trim() === '') return {}
  let value: unknown
  try {
    value = JSON.parse(content)
  } catch {
    throw badRequest('invalid json body')
  }
  if (value === null) return {}
  if (typeof value !== 'object' || Array.isArray(value)) throw badRequest('invalid json body')
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name.toLowerCase(), member]))
}
