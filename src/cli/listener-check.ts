import type { Config } from '../config/config.ts'
import type { LoadedConfig } from '../config/load.ts'
import { authority } from '../wire/url/authority.ts'
import type { ListenError } from '../http/listen-error.ts'
import { mainListener, metricsListener } from '../gateway/listeners.ts'
import { tryListening } from '../http/try-listening.ts'
import type { Finding } from './doctor-checks.ts'
import { notListening } from './not-listening.ts'
import { gatewayOn } from './port-holder.ts'

/** Whether `serve` could listen at its address. A running gateway of this configuration is fine. */
export async function checkListener({ config }: LoadedConfig): Promise<Omit<Finding, 'name'>> {
  const addresses = [mainListener(config), metricsListener(config)].flatMap((address) => address ?? [])
  const errors = addresses.flatMap((address) => tryListening(address) ?? [])
  if (errors.length === 0) {
    const free = addresses.map(({ host, port }) => authority(host, port))
    return { status: 'pass', summary: 'the gateway can listen', details: free }
  }
  if (await runsAlready(config, errors)) {
    return {
      status: 'pass',
      summary: 'the gateway is running',
      details: [authority(config.server.host, config.server.port)],
    }
  }
  const details: string[] = []
  for (const problem of errors) {
    const { error, hint } = await notListening(problem)
    details.push(error, hint)
  }
  return { status: 'fail', summary: 'the gateway cannot listen', details }
}

/** Whether the listener is the gateway of this configuration. One that uses another SQLite file is another gateway. */
async function runsAlready({ server, storage }: Config, errors: readonly ListenError[]): Promise<boolean> {
  const { host, port } = server
  if (!errors.every(({ taken }) => taken) || (await gatewayOn(host, port)) === '') return false
  if (storage.driver !== 'sqlite' || storage.path === ':memory:') return true
  const { claimsHidden, storeUsers } = await import('../storage/store-claim.ts')
  if (claimsHidden(storage.path)) return true
  return storeUsers(storage.path).some((user) => user.includes(` ${authority(host, port)} `))
}
