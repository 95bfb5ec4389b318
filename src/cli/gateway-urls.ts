import { clientUrls, type ClientUrls } from '../config/client-urls.ts'
import { ConfigError, type LoadedConfig } from '../config/load.ts'
import { plainHost } from '../http/host-policy.ts'
import { isLoopbackHost } from '../http/loopback.ts'
import { OwnAddresses } from '../http/own-addresses.ts'

/** Listened on, these are every address of this machine; clients go to `localhost` then. */
const EVERY_ADDRESS = ['', '0.0.0.0', '::']

/**
 * Where commands and the tools that they start reach the gateway. They send keys there, and the working directory may be anybody's: its
 * `ongoingai.yaml`, which no flag named, may point at this machine only.
 *
 * @param given `--config`; `undefined` without it
 * @throws ConfigError `load` if that file points elsewhere
 */
export function gatewayUrls(
  given: string | undefined,
  { document, path }: Pick<LoadedConfig, 'document' | 'path'>,
): ClientUrls {
  const { host } = document.values['server'] as { host: string }
  const origin = document.origins.get('server.host')
  if (given === undefined && origin?.kind !== 'environment' && !isOfThisMachine(plainHost(host))) {
    // The value is not shown: it may refer to a variable that holds a secret.
    throw new ConfigError(
      'load',
      `server.host in the ${path} of the working directory is no address of this machine, and keys would be sent there; if that is meant, name the file with --config ${path}, or set ONGOINGAI_HOST`,
    )
  }
  return clientUrls(document.values)
}

function isOfThisMachine(name: string): boolean {
  return EVERY_ADDRESS.includes(name) || isLoopbackHost(name) || new OwnAddresses().has(name)
}
