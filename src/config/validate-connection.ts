import type { FiledTable } from '../usage/price-table.ts'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import type { Connection } from '../providers/settings.ts'
import { environmentProxy } from './environment-proxy.ts'
import type { Environment } from './environment.ts'
import { quote } from './scalar.ts'

/** The connection settings of one provider, as decoded. */
export interface RawConnection {
  proxy: string
  caFile: string
  clientCertFile: string
  clientKeyFile: string
}

/** Reports what is wrong with a setting. */
type Wrong = (setting: string, message: string) => void

/** The inputs of the check from outside. */
export interface Surroundings {
  readonly environment: Environment
  /** Reads a text file; throws when it cannot. */
  readonly readText: (path: string) => string
  /** Reads a price list. @returns `undefined` to continue without it; @throws PriceFileError */
  readonly priceList: (path: string) => FiledTable | undefined
}

/**
 * Checks how an upstream is reached, and reads its certificates.
 *
 * @param path of the provider, such as `providers.openai`
 * @param upstream a valid URL, or `undefined` when it is already reported
 */
export function checkConnection(
  raw: RawConnection,
  path: string,
  upstream: URL | undefined,
  { environment, readText }: Surroundings,
  wrong: Wrong,
): Connection {
  const read = (setting: string, file: string): string => {
    if (file === '') return ''
    try {
      return readText(file)
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code
      wrong(
        `${path}.${setting}`,
        `${path}.${setting}: ${quote(file)} cannot be read: ${REASONS[code ?? ''] ?? code}`,
      )
      return ''
    }
  }
  const certificates = (setting: string, file: string): string => {
    const text = read(setting, file)
    if (text === '' || readCertificates(text).length > 0) return text
    wrong(
      `${path}.${setting}`,
      `${path}.${setting}: ${quote(file)} holds no certificate, or one that is broken (PEM)`,
    )
    return ''
  }
  const [certFile, keyFile] = [raw.clientCertFile.trim(), raw.clientKeyFile.trim()]
  const certificate = certificates('client_cert_file', certFile)
  const key = read('client_key_file', keyFile)
  if ((certFile === '') !== (keyFile === '')) {
    const missing = certFile === '' ? 'client_cert_file' : 'client_key_file'
    wrong(
      `${path}.${missing}`,
      `${path}.client_cert_file and ${path}.client_key_file go together (${missing} is missing)`,
    )
  }
  if (key !== '') checkKey(key, certificate, keyFile, `${path}.client_key_file`, wrong)
  return {
    proxy: checkProxy(raw.proxy.trim(), path, upstream, environment, wrong),
    ca: certificates('ca_file', raw.caFile.trim()),
    certificate,
    key,
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EACCES: 'permission denied',
  EISDIR: 'it is a folder',
}

function checkKey(text: string, certificate: string, file: string, setting: string, wrong: Wrong): void {
  let key
  try {
    key = createPrivateKey(text)
  } catch {
    const encrypted = /ENCRYPTED/.test(text)
    const what = encrypted
      ? 'is encrypted; the gateway needs it without a password'
      : 'holds no private key (PEM)'
    return wrong(setting, `${setting}: ${quote(file)} ${what}`)
  }
  const [own] = readCertificates(certificate)
  if (own && !own.checkPrivateKey(key)) {
    return wrong(setting, `${setting}: ${quote(file)} is not the key of the certificate in client_cert_file`)
  }
  return undefined
}

/** The certificates of a PEM file; none when one of them is broken. */
function readCertificates(text: string): X509Certificate[] {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/gs) ?? []
  try {
    return blocks.map((block) => new X509Certificate(block))
  } catch {
    return []
  }
}

/** @returns the proxy as a URL; empty for none */
function checkProxy(
  own: string,
  path: string,
  upstream: URL | undefined,
  environment: Environment,
  wrong: Wrong,
): string {
  const found =
    own === '' ? upstream && environmentProxy(upstream, environment) : { variable: '', proxy: own }
  if (!found) return ''
  const url = URL.canParse(found.proxy) ? new URL(found.proxy) : undefined
  if (url && (url.protocol === 'http:' || url.protocol === 'https:') && hasReadableUser(url)) return url.href
  const name = found.variable || `${path}.proxy`
  wrong(name, `${name} must be the http or https URL of a proxy (got ${quote(found.proxy)})`)
  return ''
}

/** Whether the escapes of user and password can be resolved. */
function hasReadableUser({ username, password }: URL): boolean {
  try {
    decodeURIComponent(`${username}:${password}`)
    return true
  } catch {
    return false
  }
}
