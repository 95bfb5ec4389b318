import type { Config } from '../config/config.ts'
import type { ListenError } from '../http/listen-error.ts'

/** An address that the gateway listens on, and the settings that hold it. */
export type ListenAddress = Pick<ListenError, 'host' | 'port' | 'settings'>

/** Where requests are taken. */
export function mainListener({ server: { host, port } }: Pick<Config, 'server'>): ListenAddress {
  return { host, port, settings: { host: 'server.host', port: 'server.port' } }
}

/** Where Prometheus has a listener of its own; `undefined` where it has none. */
export function metricsListener({ prometheus }: Pick<Config, 'prometheus'>): ListenAddress | undefined {
  const { enabled, adminAddress } = prometheus
  if (!enabled || adminAddress === '') return undefined
  const colon = adminAddress.lastIndexOf(':')
  const setting = 'observability.admin_address'
  return {
    host: adminAddress.slice(0, colon),
    port: Number(adminAddress.slice(colon + 1)),
    settings: { host: setting, port: setting },
  }
}
