import { DEFAULT_KEY_FIELD } from '../access/key-field.ts'
import { environmentProxy } from '../config/environment-proxy.ts'
import { ConfigError, loadConfig } from '../config/load.ts'
import { quote } from '../config/scalar.ts'
import type { Io } from './command.ts'
import { parseDurationMs, type Arguments } from './flags.ts'
import { gatewayUrls } from './gateway-urls.ts'

const MAX_ANSWER_BYTES = 16 * 1_048_576

/** Codes of an address at which nothing listens. */
const UNREACHABLE: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EHOSTUNREACH'])

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}

const KEY_HINT = 'give a gateway key with --gateway-key or ONGOINGAI_GATEWAY_KEY'

/** A request to a running gateway. */
export interface Question {
  /** The resource, as messages of failures name it. */
  readonly what: string
  readonly path: string
  readonly method?: 'GET' | 'POST' | 'DELETE'
  readonly body?: object
  readonly timeoutMs: number
}

/** Reads `--timeout`; a text for what is wrong with it. */
export function readTimeout({ values }: Arguments): number | string {
  const given = (values.get('timeout') ?? '5s').trim()
  const timeoutMs = parseDurationMs(given) ?? 0
  return timeoutMs > 0 ? timeoutMs : `timeout "${given}": must be greater than 0`
}

/**
 * Sends a request to a running gateway.
 *
 * @returns its JSON (`undefined` for a response without content) and the URL of the request
 * @throws Error in words for the user
 */
export async function requestGateway(
  parsed: Arguments,
  io: Io,
  { what, path, method = 'GET', body, timeoutMs }: Question,
): Promise<{ readonly url: string; readonly value: unknown }> {
  const { base, header } = resolveEndpoint(parsed, io, what)
  const url = `${base}${path}`
  const key = (parsed.values.get('gateway-key') ?? io.environment['ONGOINGAI_GATEWAY_KEY'] ?? '').trim()
  const verb = method === 'GET' ? 'read' : 'change'
  const failed = (reason: string): Error => new Error(`failed to ${verb} ${what}: ${reason}`)
  const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error))
  let response: Response
  try {
    response = await fetch(url, {
      method,
      headers: {
        accept: 'application/json',
        ...(body ? { 'content-type': 'application/json' } : {}),
        ...(key === '' ? {} : { [header]: key }),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
      // A redirect would carry the key to another host.
      redirect: key === '' ? 'follow' : 'manual',
      proxy: proxyTo(url, parsed, io),
      signal: AbortSignal.timeout(timeoutMs),
    })
  } catch (error) {
    throw failed(
      UNREACHABLE.has(codeOf(error))
        ? `no gateway answers at ${base}; \`ongoingai serve\` starts one, --base-url names another`
        : `send request: ${reason(error)}`,
    )
  }
  const text = await readText(response).catch((error: unknown) => {
    throw failed(reason(error))
  })
  if (!response.ok) {
    const hint = response.status === 401 && key === '' ? `; ${KEY_HINT}` : ''
    throw failed(`status ${response.status}: ${messageOf(text) || response.statusText}${hint}`)
  }
  if (response.status === 204) return { url, value: undefined }
  try {
    return { url, value: JSON.parse(text) as unknown }
  } catch (error) {
    throw failed(`decode response: ${reason(error)}`)
  }
}

/** The proxy to a gateway elsewhere; the one that the configuration describes runs on this machine. */
function proxyTo(url: string, { values }: Arguments, { environment }: Io): string | false {
  if ((values.get('base-url') ?? '').trim() === '') return false
  return environmentProxy(new URL(url), environment)?.proxy ?? false
}

function resolveEndpoint({ values }: Arguments, io: Io, what: string): { base: string; header: string } {
  const failed = (reason: string): Error => new Error(`failed to resolve ${what} endpoint: ${reason}`)
  let base = (values.get('base-url') ?? '').trim()
  let header = (values.get('auth-header') ?? '').trim()
  if (base === '' || header === '') {
    try {
      const given = values.get('config')
      const loaded = loadConfig(given, io.environment)
      if (base === '') base = gatewayUrls(given, loaded).base
      if (header === '') header = loaded.config.auth.header
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      const stage = error.stage === 'load' ? 'load config' : 'config validation failed'
      if (base === '') throw failed(`${stage}: ${error.message}`)
    }
  }
  if (!URL.canParse(base)) throw failed(`parse base URL: parse ${quote(base)}: invalid URL`)
  const url = new URL(base)
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw failed('base URL must include http or https scheme')
  if (url.host === '') throw failed('base URL must include host')
  return { base: `${url.origin}${url.pathname.replace(/\/+$/, '')}`, header: header || DEFAULT_KEY_FIELD }
}

async function readText(response: Response): Promise<string> {
  const pieces: Uint8Array[] = []
  let size = 0
  try {
    for await (const piece of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      size += piece.length
      pieces.push(piece)
      if (size > MAX_ANSWER_BYTES) break
    }
  } catch (error) {
    throw new Error(`read response: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  }
  if (size > MAX_ANSWER_BYTES) {
    throw new Error(
      `response too large: ${MAX_ANSWER_BYTES + 1} bytes exceeds ${MAX_ANSWER_BYTES} byte limit`,
    )
  }
  return Buffer.concat(pieces).toString('utf8')
}

function messageOf(text: string): string {
  try {
    const { error } = JSON.parse(text) as { error?: unknown }
    if (typeof error === 'string' && error.trim() !== '') return error.trim()
  } catch {
    // Not JSON: the text speaks for itself.
  }
  return text.trim()
}
