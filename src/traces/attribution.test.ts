import { expect, test } from 'bun:test'
import { NO_ATTRIBUTION, readAttribution } from './attribution.ts'

test('a request that says nothing of itself is attributed to nobody', () => {
  expect(readAttribution({}, {})).toEqual(NO_ATTRIBUTION)
})

test('clients are named by their first product, as each writes it', () => {
  const client = (agent: string): unknown => {
    const { client: name, clientVersion } = readAttribution({ 'user-agent': agent }, {})
    return [name, clientVersion]
  }
  expect(client('claude-cli/2.1.330 (external, sdk-cli)')).toEqual(['claude-cli', '2.1.330'])
  expect(client('codex_exec/0.169.0 (Debian 12.0.0; x86_64) xterm')).toEqual(['codex_exec', '0.169.0'])
  expect(client('OpenAI/JS 7.57.0')).toEqual(['OpenAI/JS', '7.57.0'])
  expect(client('Agents/JavaScript 0.20.0')).toEqual(['Agents/JavaScript', '0.20.0'])
  expect(client('GeminiCLI-tui/0.61.0/gemini-3.1-pro-preview (linux)')).toEqual(['GeminiCLI-tui', '0.61.0'])
  expect(client('google-genai-sdk/3.1.0 gl-node/v26.10.0')).toEqual(['google-genai-sdk', '3.1.0'])
  expect(client('opencode/1.18.33 ai-sdk/provider-utils/4.0.23')).toEqual(['opencode', '1.18.33'])
  expect(client('langchainjs-openai/1.0.0 ((node/v26.10.0))')).toEqual(['langchainjs-openai', '1.0.0'])
  expect(client('node-fetch')).toEqual(['node-fetch', ''])
  expect(client('(nothing)')).toEqual(['', ''])
})

test('Claude Code: its session field, else what its user id holds, in both of its forms', () => {
  const id = JSON.stringify({ device_id: 'd'.repeat(64), account_uuid: '', session_id: 's-1' })
  expect(readAttribution({}, { metadata: { user_id: id } })).toMatchObject({
    sessionId: 's-1',
    endUser: 'd'.repeat(64),
  })
  const fields = { 'x-claude-code-session-id': 's-2' }
  expect(readAttribution(fields, { metadata: { user_id: id } }).sessionId).toBe('s-2')
  const old = 'user_abc123_account_11111111-2222_session_33333333-4444'
  expect(readAttribution({}, { metadata: { user_id: old } })).toMatchObject({
    endUser: '11111111-2222',
    sessionId: '33333333-4444',
  })
  expect(readAttribution({}, { metadata: { user_id: '{broken' } }).endUser).toBe('{broken')
})

test('Codex: session, agent and workspace; a remote loses its credential', () => {
  const turn = (workspaces: object): Record<string, string> => ({
    'session-id': 's',
    'x-codex-turn-metadata': JSON.stringify({ session_id: 'other', agent_name: '/root', workspaces }),
  })
  expect(readAttribution(turn({ '/home/dev/project': { has_changes: true } }), {})).toMatchObject({
    sessionId: 's',
    agent: '/root',
    project: 'project',
  })
  const remote = { associated_remote_urls: { origin: 'https://user:secret@example.com/a/b.git' } }
  expect(readAttribution(turn({ '/x': remote }), {}).project).toBe('https://example.com/a/b.git')
})

test('end users of OpenAI’s fields', () => {
  expect(readAttribution({}, { user: 'u' }).endUser).toBe('u')
  expect(readAttribution({}, { user: 'u', safety_identifier: 's' }).endUser).toBe('s')
  expect(readAttribution({}, { user: 7 }).endUser).toBe('')
})

test('hostile values are bounded and cleaned', () => {
  const hostile = readAttribution(
    {
      'x-session-id': `\u001b[31m${'x'.repeat(10_000)}`,
      'user-agent': 'x'.repeat(10_000),
      'x-ongoingai-tags': `${Array.from({ length: 100 }, (_, i) => `k${i}=v`).join(',')},__proto__=x,9=x,a b=x`,
    },
    { user: '\u202eevil\u0000' },
  )
  expect(hostile.sessionId).toBe(`[31m${'x'.repeat(252)}`)
  expect(hostile.client.length).toBe(256)
  expect(hostile.endUser).toBe('evil')
  expect(Object.keys(hostile.tags)).toHaveLength(16)
  expect(readAttribution({ 'x-ongoingai-tags': '__proto__=x,9=x,a b=x,ok=' }, {}).tags).toEqual({})
  expect(readAttribution({ 'x-ongoingai-tags': `k=${'v'.repeat(999)}` }, {}).tags['k']).toHaveLength(200)
})
