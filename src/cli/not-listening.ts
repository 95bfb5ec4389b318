import { OVERRIDES } from '../config/environment.ts'
import { authority } from '../wire/url/authority.ts'
import type { ListenError } from '../http/listen-error.ts'
import { portHolder } from './port-holder.ts'

/** Why listening on an address fails, and what to do. */
export async function notListening({
  host,
  port,
  settings,
  taken,
  denied,
  message,
}: ListenError): Promise<{ readonly error: string; readonly hint: string }> {
  const address = authority(host, port)
  if (!taken) {
    const hint = denied
      ? `Set ${withVariable(settings.port)} to 1024 or more, which every user may listen on.`
      : `Set ${withVariable(settings.host)} to an address of this machine.`
    return { error: `failed to listen on ${address}: ${message}`, hint }
  }
  const holder = await portHolder(host, port)
  return {
    error: `failed to listen on ${address}: the port is taken${holder === '' ? '' : ` by ${holder}`}`,
    hint: `Stop it, or set ${withVariable(settings.port)} to another port.`,
  }
}

/** `server.port (ONGOINGAI_PORT)` */
function withVariable(setting: string): string {
  const variable = OVERRIDES.find(({ path }) => path === setting)?.variable
  return variable === undefined ? setting : `${setting} (${variable})`
}
