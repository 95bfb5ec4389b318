import { AwsV4Signer } from 'aws4fetch'
import { awsKeysOf } from './aws-keys.ts'
import type { HeldValue } from './held-value.ts'
import type { AwsScope } from './settings.ts'

/** A request as far as its signature covers it. */
export interface SignedRequest {
  readonly method: string
  readonly url: string
  /** Lower-case names. */
  readonly fields: Readonly<Record<string, string>>
  /** `undefined` for none. */
  readonly content: Uint8Array | undefined
}

/** Fields of a signature. What a client sends in them belongs to a signature of its own. */
export const SIGNATURE_FIELDS: readonly string[] = [
  'authorization',
  'x-amz-date',
  'x-amz-security-token',
  'x-amz-content-sha256',
]

/** AWS wants every field of this kind to be signed. What stands between it and here may change other fields. */
const SIGNED = /^x-amzn?-(?!trace-id$)/

/** Keys derived from a secret, for a day, a region and a service. They go with the value. */
const derived = new WeakMap<HeldValue, Map<string, ArrayBuffer>>()

/**
 * Signs a request with keys of AWS (Signature Version 4).
 *
 * @param keys as `heldAwsKeys` made them
 * @param nowMs epoch milliseconds; AWS allows five minutes of difference
 * @returns the fields to add, by lower-case names
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export async function awsSignature(
  keys: HeldValue,
  { region, service }: AwsScope,
  { method, url, fields, content }: SignedRequest,
  nowMs: number,
): Promise<Record<string, string>> {
  let cache = derived.get(keys)
  if (!cache) derived.set(keys, (cache = new Map()))
  const { accessKeyId, secretAccessKey, sessionToken } = awsKeysOf(keys)
  const signer = new AwsV4Signer({
    method,
    url,
    headers: Object.fromEntries(
      Object.entries(fields).filter(([name]) => SIGNED.test(name) && !SIGNATURE_FIELDS.includes(name)),
    ),
    ...(content ? { body: content as Bun.BodyInit } : {}),
    accessKeyId,
    secretAccessKey,
    ...(sessionToken === '' ? {} : { sessionToken }),
    region,
    service,
    cache,
    datetime: new Date(nowMs).toISOString().replaceAll(/[:-]|\.\d{3}/g, ''),
  })
  const { headers } = await signer.sign()
  return Object.fromEntries(
    SIGNATURE_FIELDS.flatMap((name) => {
      const value = headers.get(name)
      return value === null ? [] : [[name, value] as const]
    }),
  )
}
