import { expect, test } from 'bun:test'
import { heldAwsKeys } from './aws-keys.ts'
import { awsSignature } from './aws-signature.ts'

// The credentials and requests of the test suite for Signature Version 4, as AWS publishes it.
const SECRET = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY'
const KEYS = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: SECRET, sessionToken: '' }
const NOW = Date.parse('2015-08-30T12:36:00Z')
const SCOPE = { region: 'us-east-1', service: 'service' }
const REQUEST = { method: 'GET', url: 'https://example.amazonaws.com/', fields: {}, content: undefined }

test.each([
  ['GET', '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31'],
  ['POST', '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b'],
])('get-vanilla and post-vanilla of the published suite: %s', async (method, signature) => {
  expect(await awsSignature(heldAwsKeys(KEYS), SCOPE, { ...REQUEST, method }, NOW)).toEqual({
    authorization: `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature=${signature}`,
    'x-amz-date': '20150830T123600Z',
  })
})

test('fields of AWS are signed, those of an earlier signature and of the client are not', async () => {
  const fields = {
    'user-agent': 'x',
    'x-amzn-trace-id': 'x',
    'x-amz-date': 'old',
    'x-amz-content-sha256': 'old',
    authorization: 'old',
    'x-amzn-bedrock-guardrailidentifier': 'g',
  }
  const keys = heldAwsKeys({ ...KEYS, sessionToken: 'token' })
  const signed = await awsSignature(keys, SCOPE, { ...REQUEST, fields }, NOW)
  expect(Object.keys(signed)).toEqual(['authorization', 'x-amz-date', 'x-amz-security-token'])
  expect(signed['authorization']).toContain(
    'SignedHeaders=host;x-amz-date;x-amz-security-token;x-amzn-bedrock-guardrailidentifier,',
  )
})

test('the content and the secret decide about the signature', async () => {
  const of = async (keys: typeof KEYS, content: string): Promise<string | undefined> =>
    (await awsSignature(heldAwsKeys(keys), SCOPE, { ...REQUEST, content: Buffer.from(content) }, NOW))[
      'authorization'
    ]
  const one = await of(KEYS, 'one')
  expect(await of(KEYS, 'one')).toBe(one)
  expect(await of(KEYS, 'two')).not.toBe(one)
  expect(await of({ ...KEYS, secretAccessKey: 'other' }, 'one')).not.toBe(one)
})

test('keys show nothing of themselves, and only their secrets are kept out of copies', () => {
  const keys = heldAwsKeys({ ...KEYS, sessionToken: 'token' })
  expect(`${String(keys)} ${JSON.stringify(keys)} ${Bun.inspect(keys)}`).not.toContain(SECRET)
  expect(keys.revealSecrets()).toEqual([SECRET, 'token'])
})
