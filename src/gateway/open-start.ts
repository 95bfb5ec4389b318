import type { Config } from '../config/config.ts'
import type { Environment } from '../config/environment.ts'
import { environmentBoolean } from '../config/scalar.ts'
import { isLoopbackHost } from '../http/loopback.ts'
import { plainHost } from '../http/host-policy.ts'

/** Set in the container image: there the gateway listens beyond the machine by default. */
const IN_CONTAINER = 'ONGOINGAI_CONTAINER'

/** Says that a container may serve everybody who reaches it. */
const ALLOW_OPEN = 'ONGOINGAI_ALLOW_OPEN'

/** Whether everybody on the network may use the gateway: it listens beyond this machine, and keys are off. */
function isOpen({ server, auth }: Config): boolean {
  return !auth.enabled && !isLoopbackHost(plainHost(server.host))
}

/** What an operator must not miss of settings that are taken over. Empty when there is nothing. */
export function openWarnings(config: Config): readonly string[] {
  const { prometheus, auth, server, limits } = config
  const ofKeys = limits.policies.filter(({ per, match }) => per === 'key' || match.keyId !== '')
  return [
    ...(!auth.enabled && ofKeys.length > 0
      ? [
          `gateway keys are off, so limits of keys count nobody: ${ofKeys.map(({ name }) => name).join(', ')}; set auth.enabled, or limit by workspace, organization, end_user or session`,
        ]
      : []),
    ...(isOpen(config)
      ? [
          `gateway keys are off and the gateway listens on ${server.host}: anyone who reaches the port may use it and read its record; set auth.enabled, or server.host to 127.0.0.1`,
        ]
      : []),
    ...(prometheus.enabled && auth.enabled && prometheus.token === '' && prometheus.adminAddress === ''
      ? [
          `${prometheus.path} answers nobody: metrics show all tenants, so no gateway key opens them; set observability.metrics_token or observability.admin_address`,
        ]
      : []),
  ]
}

/**
 * Why a container must not serve with these settings; `undefined` when it may.
 *
 * @param environment of the process
 */
export function refusedOpen(config: Config, environment: Environment): string | undefined {
  if (!isOn(environment[IN_CONTAINER]) || isOn(environment[ALLOW_OPEN]) || !isOpen(config)) return undefined
  return `gateway keys are off, and this container listens on ${config.server.host}: whoever reaches its port could use the providers and read the record. Turn keys on (ONGOINGAI_AUTH_ENABLED=true, and keys made with "ongoingai keys create"), or, where the port is published to this machine alone, set ${ALLOW_OPEN}=true`
}

function isOn(text = ''): boolean {
  const read = environmentBoolean(text)
  return 'value' in read && read.value
}
