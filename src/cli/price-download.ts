import { environmentProxy } from '../config/environment-proxy.ts'
import type { Environment } from '../config/environment.ts'
import { isLoopbackHost } from '../http/loopback.ts'
import { UpstreamConnection } from '../proxy/upstream/connection.ts'
import { shownValue } from '../redaction/shown-value.ts'
import { dayOf } from '../time/day.ts'
import { MAX_PRICE_FILE_BYTES, type ListNames } from '../usage/price-file/parse-price-file.ts'

/** How long a list may take to come, in milliseconds. */
const MAX_MS = 60_000

/** A list that could not be fetched. The message is for the operator. */
export class DownloadError extends Error {
  override readonly name = 'DownloadError'
}

/**
 * Fetches a price list, through the proxy that the environment names. Only https is taken, or http from this machine; redirections are
 * not followed; the size is bounded as it comes.
 *
 * @returns the bytes, and a name for a list without one: the end of its path, the day on which it changed
 * @throws DownloadError
 */
export async function downloadPriceList(
  address: string,
  environment: Environment,
): Promise<ListNames & { readonly bytes: Uint8Array }> {
  const url = checkedUrl(address)
  const shown = shownValue(url.href)
  const proxy = environmentProxy(url, environment)?.proxy ?? ''
  const connection = new UpstreamConnection(url.origin, { proxy, ca: '', certificate: '', key: '' })
  try {
    const response = await fetch(url, {
      redirect: 'manual',
      signal: AbortSignal.timeout(MAX_MS),
      ...connection.fetchOptions,
    })
    const location = response.headers.get('location')
    if (response.status >= 300 && response.status < 400) {
      throw new DownloadError(
        `${shown} leads elsewhere${location === null ? '' : `, to ${shownValue(location)}`}: name that address`,
      )
    }
    if (!response.ok || !response.body) throw new DownloadError(`${shown} answers ${response.status}`)
    const changed = Date.parse(response.headers.get('last-modified') ?? '')
    return {
      bytes: await bounded(response.body, shown),
      name: nameOf(url),
      date: dayOf(Number.isNaN(changed) ? Date.now() : changed),
    }
  } catch (error) {
    if (error instanceof DownloadError) throw error
    const reason =
      (error as Error).name === 'TimeoutError'
        ? `took more than ${MAX_MS / 1000} s`
        : (error as Error).message
    throw new DownloadError(`${shown} cannot be fetched: ${reason}`, { cause: error })
  } finally {
    connection.close()
  }
}

function checkedUrl(address: string): URL {
  let url: URL
  try {
    url = new URL(address)
  } catch {
    throw new DownloadError('--from expects a URL')
  }
  const isPlainHere = url.protocol === 'http:' && isLoopbackHost(url.hostname.replace(/^\[|\]$/g, ''))
  if (url.protocol !== 'https:' && !isPlainHere)
    throw new DownloadError('--from expects an https URL; http is taken from this machine only')
  return url
}

async function bounded(body: ReadableStream<Uint8Array>, shown: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body) {
    size += chunk.byteLength
    if (size > MAX_PRICE_FILE_BYTES)
      throw new DownloadError(`${shown} has more than ${MAX_PRICE_FILE_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function nameOf({ pathname }: URL): string {
  const name = pathname.slice(pathname.lastIndexOf('/') + 1).replaceAll(/[^\w.+-]/g, '-')
  return name.slice(0, 100) || 'price-list'
}
