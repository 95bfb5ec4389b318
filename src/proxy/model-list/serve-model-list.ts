import { requirePermission } from '../../access/authorize.ts'
import { ANONYMOUS, type Identity, UNRECOGNISED } from '../../access/keyring.ts'
import { isDenial } from '../../audit/audit-trail.ts'
import { GatewayError } from '../../errors.ts'
import type { ClientAddresses } from '../../http/client-address.ts'
import { CORRELATION_FIELD, correlationIdOf } from '../../http/correlation-id.ts'
import { corsFields } from '../../http/cors-fields.ts'
import { refusal } from '../../http/refusal.ts'
import type { RequestTarget } from '../../http/request-target.ts'
import { dialectNamed } from '../../providers/dialects/dialects.ts'
import type { ModelListRoute } from '../../providers/model-routes.ts'
import type { ProxyContext } from '../proxy-context.ts'
import { presentedKey } from '../request/presented-key.ts'
import { type ModelSources, type ModelsRequest, offeredModel, offeredModels } from './offered-models.ts'

/** A request for models, as the listener read it. */
interface Asked {
  readonly target: RequestTarget
  readonly addresses: ClientAddresses
}

/** Responds with the models that the caller may use, in its dialect. That is no exchange: it is neither forwarded nor recorded. */
export async function serveModelList(
  request: Request,
  list: ModelListRoute,
  asked: Asked,
  context: ProxyContext,
): Promise<Response> {
  const fields = request.headers.toJSON() as Record<string, string>
  const own: Record<string, string> = { [CORRELATION_FIELD]: correlationIdOf(fields) }
  let identity: Identity | undefined
  try {
    const { browsers, keyring, gatewayKeyField, gatewayKeyPlaces } = context.settings
    browsers.requireHost(keyring !== undefined, asked.addresses)
    const origin = browsers.requireOrigin(keyring ? 'provider with key' : 'provider', fields, asked.addresses)
    if (origin !== undefined) Object.assign(own, corsFields(origin))
    if (keyring) {
      const rule = { keyring, keyField: gatewayKeyField, places: gatewayKeyPlaces, credentialField: '' }
      identity = presentedKey({ fields, query: asked.target.query }, rule, Date.now()).identity
    }
    if (identity) requireListing(identity, asked)
    if (request.method === 'OPTIONS') throw new GatewayError('method_not_allowed', 'a list of models is read')
    return Response.json(await contentOf(list, identity, context), { headers: own })
  } catch (error) {
    return refuse(error, { list, asked, identity, own }, context)
  }
}

function requireListing(identity: Identity, { target, addresses }: Asked): void {
  const { compiledRules } = identity
  requirePermission(identity, 'proxy:write')
  compiledRules.requireNetwork(addresses.client)
  compiledRules.requireRoute(target.readings.plain)
}

async function contentOf(
  { dialect, model }: ModelListRoute,
  identity: Identity | undefined,
  { settings }: ProxyContext,
): Promise<object> {
  const request: ModelsRequest = {
    dialect,
    caller: identity?.caller ?? ANONYMOUS,
    rules: identity?.compiledRules,
  }
  const sources: ModelSources = {
    directory: settings.models,
    catalog: await settings.catalog(),
    provider: (name) => settings.upstreams.named(name)!,
  }
  const words = dialectNamed(dialect).modelList!
  return model === ''
    ? words.all(offeredModels(request, sources))
    : words.one(offeredModel(model, request, sources))
}

function refuse(
  error: unknown,
  {
    list,
    asked,
    identity,
    own,
  }: {
    readonly list: ModelListRoute
    readonly asked: Asked
    readonly identity: Identity | undefined
    readonly own: Readonly<Record<string, string>>
  },
  { audit, settings, log }: ProxyContext,
): Response {
  const caller = identity?.caller ?? (settings.keyring ? UNRECOGNISED : ANONYMOUS)
  const path = settings.paths.shown(asked.target.path, {
    ...caller,
    provider: '',
    route: asked.target.readings.loose,
  })
  if (!(error instanceof GatewayError)) {
    log('ERROR', 'internal error', { path, error: error instanceof Error ? error.stack : String(error) })
  }
  const known =
    error instanceof GatewayError ? error : new GatewayError('internal_error', 'internal server error')
  if (!isDenial(known.code)) return refusal(known, list.dialect, own)
  audit.denied({
    code: known.code,
    status: known.status,
    correlationId: own[CORRELATION_FIELD] ?? '',
    path,
    clientAddress: asked.addresses.client,
    caller,
    resource: 'proxy',
    resourceAction: 'read',
    provider: '',
    requiredPermission: 'proxy:write',
    limitCode: '',
    span: {},
  })
  return refusal(known, list.dialect, own)
}
