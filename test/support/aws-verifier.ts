import { createHash, createHmac } from 'node:crypto'
import type { WireRequest } from './upstream.ts'

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/

/** What a signature said of itself, and whether it is the one that the request should have. */
export interface VerifiedSignature {
  readonly isGood: boolean
  readonly accessKeyId: string
  readonly region: string
  readonly service: string
  readonly signedFields: readonly string[]
}

/**
 * Verifies the signature of a request as AWS does, from the bytes that came, without the code that made it.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export function verifyAwsSignature(request: WireRequest, secret: string): VerifiedSignature {
  const said = AUTHORIZATION.exec(request.field('authorization') ?? '')
  if (!said) return { isGood: false, accessKeyId: '', region: '', service: '', signedFields: [] }
  const [, accessKeyId = '', day = '', region = '', service = '', names = '', signature = ''] = said
  const signedFields = names.split(';')
  const at = request.field('x-amz-date') ?? ''
  const [path = '', query = ''] = request.target.split('?')
  const canonical = [
    request.method,
    path.split('/').map(encoded).join('/'),
    query
      .split('&')
      .filter((pair) => pair !== '')
      .map((pair) => (pair.includes('=') ? pair : `${pair}=`))
      .sort()
      .join('&'),
    ...signedFields.map((name) => `${name}:${(request.field(name) ?? '').trim().replaceAll(/ +/g, ' ')}`),
    '',
    names,
    sha256(request.body),
  ].join('\n')
  const toSign = ['AWS4-HMAC-SHA256', at, `${day}/${region}/${service}/aws4_request`, sha256(canonical)].join(
    '\n',
  )
  let key: Buffer = Buffer.from(`AWS4${secret}`)
  for (const part of [day, region, service, 'aws4_request']) key = hmac(key, part)
  const isGood = at.startsWith(day) && hmac(key, toSign).toString('hex') === signature
  return { isGood, accessKeyId, region, service, signedFields }
}

/** Escapes are escaped again: every service but S3 wants that. */
function encoded(segment: string): string {
  return encodeURIComponent(segment).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}
