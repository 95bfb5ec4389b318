import type { KeyActor } from '../access/key-administration.ts'
import type { ReadScope, StoredGatewayKey, Tenant } from '../access/key-store.ts'
import type { Identity } from '../access/keyring.ts'
import type { KeyChange } from '../audit/audit-trail.ts'
import { GatewayError } from '../errors.ts'
import { jsonResponse } from '../http/json-response.ts'
import { defined } from '../presentation/defined.ts'
import { changeReason } from '../presentation/key-change-reason.ts'
import { readKeyChanges, readNewKey, readRotation } from '../presentation/key-input.ts'
import { fileKeyJson, issuedJson, keyJson } from '../presentation/key-json.ts'
import type { Caller } from '../traces/exchange.ts'
import type { ApiContext, ApiHandler, ApiRequest } from './api-context.ts'
import { readJsonObject } from './json-body.ts'
import { invalidParameter } from './query-parameters.ts'
import { readScopeOf } from './read-scope.ts'

const KEY_BODY = {
  maxBytes: 65_536,
  invalid: 'invalid json body',
  tooLarge: 'request body too large',
}

/** `GET /api/gateway-keys`: the keys that the caller may read, without revoked ones. */
export const listKeys: ApiHandler = async (request, context) => {
  const actor = await readerOfKeys(request, context)
  const { stored, file } = await storing('failed to list gateway keys', () => context.keys.list(actor))
  return jsonResponse(200, {
    items: [...stored.map((key) => keyJson(key)), ...file.map((key) => fileKeyJson(key))],
  })
}

/** `GET /api/gateway-keys/:id` */
export const getKey: ApiHandler = async (request, context) => {
  const id = request.parameters['id'] ?? ''
  const actor = await readerOfKeys(request, context)
  const { file } = await storing('failed to read gateway key', () => context.keys.list(actor))
  const ofFile = file.find((key) => key.id.trim() === id)
  if (ofFile) return jsonResponse(200, fileKeyJson(ofFile))
  return jsonResponse(200, keyJson(await findKey(actor, request, context.keys)))
}

/** `POST /api/gateway-keys`: creates a key and shows its token, once. */
export const createKey: ApiHandler = (request, context) =>
  changing(request, context, 'create', 'failed to create gateway key', async (actor, setTarget) => {
    const wanted = readNewKey(await readJsonObject(request.body, KEY_BODY))
    setTarget({ target: wanted.id?.trim() ?? '' })
    const issued = await context.keys.create(actor, wanted, Date.now() * 1000)
    setTarget(referenceOf(issued.key))
    return jsonResponse(201, issuedJson(issued))
  })

/** `PATCH /api/gateway-keys/:id`: changes the given members, and nothing else. */
export const updateKey: ApiHandler = (request, context) =>
  changing(request, context, 'update', 'failed to update gateway key', async (actor, setTarget) => {
    const settings = readKeyChanges(await readJsonObject(request.body, KEY_BODY))
    const key = await findKey(actor, request, context.keys)
    setTarget(referenceOf(key))
    return jsonResponse(200, keyJson(await context.keys.update(actor, key, settings, Date.now() * 1000)))
  })

/** `DELETE /api/gateway-keys/:id`: ends a key for good, everywhere within a second. */
export const revokeKey: ApiHandler = (request, context) =>
  changing(request, context, 'revoke', 'failed to revoke gateway key', async (actor, setTarget) => {
    const key = await findKey(actor, request, context.keys)
    setTarget(referenceOf(key))
    await context.keys.revoke(actor, key, Date.now() * 1000)
    return new Response(null, { status: 204 })
  })

/** `POST /api/gateway-keys/:id/rotate`: replaces a key's token; the old one may stay valid for a while. */
export const rotateKey: ApiHandler = (request, context) =>
  changing(request, context, 'rotate', 'failed to rotate gateway key', async (actor, setTarget) => {
    const rotation = readRotation(await readJsonObject(request.body, KEY_BODY))
    const key = await findKey(actor, request, context.keys)
    setTarget(referenceOf(key))
    const issued = await context.keys.rotate(actor, key, rotation, Date.now() * 1000)
    return jsonResponse(200, issuedJson(issued))
  })

/** The audit trail's names of the handlers that change keys. */
const CHANGES: ReadonlyMap<ApiHandler, KeyChange['action']> = new Map([
  [createKey, 'create'],
  [updateKey, 'update'],
  [revokeKey, 'revoke'],
  [rotateKey, 'rotate'],
])

/**
 * Records a change of a key that was refused before its handler ran. Other routes record nothing.
 *
 * @param anonymous the caller when no key was recognised
 */
export function auditRefusedChange(
  handler: ApiHandler,
  request: Pick<ApiRequest, 'parameters' | 'identity' | 'correlationId' | 'clientAddress'>,
  anonymous: Caller,
  { code, status }: GatewayError,
  { audit }: Pick<ApiContext, 'audit'>,
): void {
  const action = CHANGES.get(handler)
  if (action === undefined) return
  const { parameters, identity, correlationId, clientAddress } = request
  const { organizationId, workspaceId } = identity?.caller ?? anonymous
  audit.keyChanged({
    action,
    outcome: 'deny',
    reason: code,
    status,
    correlationId,
    clientAddress,
    actor: identity ? nameOf(identity) : 'anonymous',
    organizationId,
    workspaceId,
    target: parameters['id'] ?? '',
  })
}

/** Changes a key and records the change, or why it failed. This gateway applies it at once, others within a second. */
async function changing(
  request: ApiRequest,
  context: ApiContext,
  action: KeyChange['action'],
  failure: string,
  change: (actor: KeyActor, setTarget: (target: KeyTarget) => void) => Promise<Response>,
): Promise<Response> {
  let target: KeyTarget = { target: request.parameters['id'] ?? '', ...homeOf(request, []) }
  const audited = (outcome: KeyChange['outcome'], reason: string, status: number): void => {
    context.audit.keyChanged({
      action,
      outcome,
      reason,
      status,
      correlationId: request.correlationId,
      clientAddress: request.clientAddress,
      actor: request.identity ? nameOf(request.identity) : 'system',
      organizationId: target.organizationId ?? 'default',
      workspaceId: target.workspaceId ?? 'default',
      target: target.target ?? '',
    })
  }
  try {
    const response = await storing(failure, () =>
      change(changerOfKeys(request), (more) => {
        target = { ...target, ...more }
      }),
    )
    await context.keysChanged()
    audited('success', '', response.status)
    return response
  } catch (error) {
    const { code, status } = error instanceof GatewayError ? error : new GatewayError('internal_error', '')
    const reason = code === 'storage_unavailable' ? `${action}_failed` : changeReason(code)
    audited(code === 'permission_denied' ? 'deny' : 'error', reason, status)
    throw error
  }
}

/** The key that the audit trail records. */
interface KeyTarget extends Partial<Tenant> {
  readonly target?: string
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

/** The actor for reading keys: it sees every workspace that the caller may read. */
async function readerOfKeys(request: ApiRequest, context: ApiContext): Promise<KeyActor> {
  const scope = await readScopeOf(request, context)
  return actorOf(request, scope, homeOf(request, []))
}

/** The workspace in which a caller changes keys: its own, unless it may name another. @throws GatewayError `permission_denied` */
function changerOfKeys(request: ApiRequest): KeyActor {
  const home = homeOf(request, request.query.all('workspace_id'))
  return actorOf(request, home && { ...home, workspaceIds: [home.workspaceId] }, home)
}

/** @param named workspaces that the request names */
function homeOf({ identity }: ApiRequest, named: readonly string[]): Tenant | undefined {
  if (!identity) return undefined
  const { organizationId, workspaceId } = identity.caller
  const [other = workspaceId, ...more] = named
  if (more.length > 0) throw invalidParameter('workspace_id must name one workspace where keys are changed')
  if (other !== workspaceId && identity.scope !== 'organization') {
    throw new GatewayError('permission_denied', 'gateway key may not change this workspace')
  }
  return { organizationId, workspaceId: other }
}

function actorOf({ identity }: ApiRequest, scope: ReadScope | undefined, home: Tenant | undefined): KeyActor {
  return { name: identity ? nameOf(identity) : 'system', scope, home, key: identity }
}

/** Keys of the file need no id. */
function nameOf({ caller }: Identity): string {
  return caller.keyId || 'unnamed key'
}

function findKey(actor: KeyActor, request: ApiRequest, keys: ApiContext['keys']): Promise<StoredGatewayKey> {
  const { query } = request
  const within = defined({ organizationId: query.text('org_id'), workspaceId: query.text('workspace_id') })
  return keys.get(actor, request.parameters['id'] ?? '', within)
}

function referenceOf({ organizationId, workspaceId, id }: StoredGatewayKey): KeyTarget {
  return { organizationId, workspaceId, target: id }
}
