import { plainHost } from '../http/host-policy.ts'
import type { Config } from './config.ts'
import { quote } from './scalar.ts'
import type { Wrong } from './validate-providers.ts'

type Browsers = Pick<Config['server'], 'corsOrigins' | 'allowedHosts' | 'publicUrl'>

/** Checks the settings of `server` about pages and names. */
export function checkBrowsers({ corsOrigins, allowedHosts, publicUrl }: Browsers, wrong: Wrong): Browsers {
  for (const origin of corsOrigins) checkOrigin(origin, wrong)
  for (const host of allowedHosts) checkHost(host, wrong)
  return {
    corsOrigins,
    allowedHosts: allowedHosts.map(plainHost),
    publicUrl: readPublicUrl(publicUrl, wrong),
  }
}

function checkOrigin(text: string, wrong: Wrong): void {
  const name = 'server.cors_origins'
  if (text.includes('*')) {
    const why =
      'any page that a browser opens could read the record, and use the providers while keys are off'
    return wrong(
      name,
      `${name} lists origins one by one, without wildcards (got ${quote(text)}): else ${why}`,
    )
  }
  if (text === 'null') {
    return wrong(name, `${name} cannot hold "null": any page can make itself a page of that origin`)
  }
  const web = /^https?:/i.test(text) && URL.canParse(text)
  const written = web ? new URL(text).origin : /^[a-z][a-z0-9+.-]*:\/\/[^/?#\s,]*$/.exec(text)?.[0]
  if (written === text) return undefined
  const hint = web ? `; write ${quote(written!)}` : ''
  return wrong(name, `${name} must hold origins such as https://app.example (got ${quote(text)})${hint}`)
}

function checkHost(text: string, wrong: Wrong): void {
  const plain = plainHost(text)
  // Only an IPv6 address has colons.
  if (/^[0-9a-f.]*:[0-9a-f:.]*:[0-9a-f:.]*$/.test(plain) || /^[a-z0-9._-]+$/.test(plain)) return
  const name = 'server.allowed_hosts'
  wrong(name, `${name} must hold names or addresses without scheme, port and wildcards (got ${quote(text)})`)
}

function readPublicUrl(text: string, wrong: Wrong): string {
  const url = text.trim()
  if (url === '') return ''
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  const usable =
    parsed !== undefined &&
    /^https?:$/.test(parsed.protocol) &&
    `${parsed.username}${parsed.password}${parsed.search}${parsed.hash}` === ''
  if (usable) return url
  const name = 'server.public_url'
  wrong(name, `${name} must be a URL such as https://gateway.example, without user, query and fragment`)
  return ''
}
