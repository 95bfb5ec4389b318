import { expect, test } from 'bun:test'
import { storedFields } from './stored-fields.ts'

test('masked fields are replaced, others are kept under canonical names', () => {
  const { fields, maskedValues } = storedFields(
    { 'x-api-key': 'k', accept: '*/*', 'set-cookie': ['a', 'b'] },
    ['x-api-key', 'set-cookie'],
  )
  expect(fields).toEqual({ Accept: ['*/*'], 'Set-Cookie': ['[REDACTED]'], 'X-Api-Key': ['[REDACTED]'] })
  expect(maskedValues).toBe(3)
})

test('a credential in a URL inside a value is not stored', () => {
  const turn = JSON.stringify({
    remotes: { origin: 'https://user:ghp_secret@example.com/a.git', x: 'ssh://git@h/y' },
  })
  const { fields } = storedFields({ 'x-codex-turn-metadata': turn, referer: 'http://example.com/a@b' }, [])
  expect(JSON.stringify(fields)).not.toContain('ghp_secret')
  expect(fields['X-Codex-Turn-Metadata']![0]).toContain('https://[REDACTED]@example.com/a.git')
  expect(fields['Referer']).toEqual(['http://example.com/a@b'])
})
