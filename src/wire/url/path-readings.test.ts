import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { CompiledRules, NO_RULES } from '../../access/key-rules.ts'
import { requestTarget } from '../../http/request-target.ts'
import { operationOf } from '../../providers/registry.ts'
import type { ProviderConfig } from '../../providers/settings.ts'
import { RouteTable } from '../../proxy/steps/route.ts'
import { Scopes } from '../../redaction/scopes.ts'
import { readPath } from './path-readings.ts'

const provider: ProviderConfig = {
  name: 'openai',
  upstream: 'https://upstream.example/base/v9',
  prefix: '/openai',
  api: 'openai',
  credentialHeader: 'authorization',
  timeouts: { connectMs: 0, firstByteMs: 0, idleMs: 0, totalMs: 0 },
  connection: { proxy: '', ca: '', certificate: '', key: '' },
  headers: { set: [], remove: [] },
  region: '',
  zeroRetention: false,
  retryOn: [],
}
const upstreams = new RouteTable([provider], {
  gatewayKeyField: 'x-gateway-key',
  forwardClientFields: false,
})
const rules = new CompiledRules({ ...NO_RULES, routes: ['/openai/v1/*'] })
const scope = { organizationId: '', workspaceId: '', keyId: '', provider: '', policyId: '' }
const scopes = new Scopes({
  mode: 'off',
  policyId: 'whole',
  scopes: [{ ...scope, mode: 'block', policyId: 'chat', routePrefix: '/openai/v1/chat' }],
})

const PIECES =
  'v1 v2 chat completions x . .. ... %2e%2e %2E. .%2e %252e%252e ..; ..;a=b %2e%2e; ..%3b %2e%2e%3Bq .; ; a;b %25 %2 % ' +
  '%zz arn%3Aaws ..%00 %c3%a9 %2f %5C %25%32%65 %2%352e %252525252e.'
const SEPARATORS = '/ / / / %2f %2F %5c %5C \\ %252f %25255C'
const piece = fc.constantFrom('', ...PIECES.split(' '))
const separator = fc.constantFrom(...SEPARATORS.split(' '))
const asks = fc
  .array(fc.tuple(separator, piece), { maxLength: 7 })
  .map((parts) => `/openai/${parts.flat().join('')}`)

/** The path that a server sees which undoes escapes, then path parameters, then dot segments. */
function strictly(sent: string, levels: number): string {
  let text = sent
  for (let level = 0; level < levels; level++) {
    text = text.replace(/%[0-9a-f]{2}/gi, (escape) =>
      String.fromCharCode(Number.parseInt(escape.slice(1), 16)),
    )
  }
  const segments: string[] = []
  for (const segment of text.replaceAll('\\', '/').split('/').slice(1)) {
    const name = segment.replace(/;.*/s, '')
    if (name === '..') segments.pop()
    else if (name !== '.' && name !== '') segments.push(name)
  }
  return `/${segments.join('/')}`
}

function below(path: string, prefix: string): boolean {
  return path === prefix || path.startsWith(`${prefix}/`)
}

/** Where a request below the provider's prefix goes; `undefined` for none. */
function targetOf(requested: ReturnType<typeof requestTarget>) {
  const route = upstreams.find(requested, new Request('http://h'))
  return route?.kind === 'provider' ? route.target : undefined
}

test('what an upstream makes of a path never lies outside its base path, or the path was refused', () => {
  fc.assert(
    fc.property(asks, fc.constantFrom('http://h', ''), (asked, origin) => {
      const target = requestTarget(`${origin}${asked}?q=..%2f`)
      const found = targetOf(target)
      if (!found || target.fault !== '') return
      const sent = new URL(found.url)
      expect(sent.search).toBe('?q=..%2f')
      for (const levels of [0, 1, 2, 3])
        expect([asked, below(strictly(sent.pathname, levels), '/base/v9')]).toEqual([asked, true])
    }),
    { numRuns: 5000 },
  )
})

test('what an upstream makes of a path that a key’s route allows lies below that route', () => {
  fc.assert(
    fc.property(asks, (asked) => {
      const { path: sent, readings, fault } = requestTarget(`http://h${asked}`)
      if (fault !== '') return
      try {
        rules.requireTarget('openai', readings.plain, '')
      } catch {
        return
      }
      for (const levels of [0, 1, 2, 3])
        expect([asked, below(strictly(sent, levels), '/openai/v1')]).toEqual([asked, true])
    }),
    { numRuns: 5000 },
  )
})

test('a path that an upstream takes for one in a redaction scope is in that scope', () => {
  fc.assert(
    fc.property(asks, (asked) => {
      const { path: sent, readings, fault } = requestTarget(`http://h${asked}`)
      if (fault !== '') return
      const { policyId } = scopes.resolve({ ...scope, route: readings.loose })
      for (const levels of [0, 1, 2, 3])
        if (below(strictly(sent, levels), '/openai/v1/chat'))
          expect([asked, policyId]).toEqual([asked, 'chat'])
    }),
    { numRuns: 5000 },
  )
})

test('escapes that hide no dot segment are sent as they came', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.constantFrom('v1', 'a%2Fb', 'arn%3aaws%3A', '%7E', '%25', '%C3%A9', '%5c', 'x;y', '...', ''),
        {
          maxLength: 6,
        },
      ),
      (segments) => {
        const rest = segments.map((segment) => `/${segment}`).join('')
        const target = requestTarget(`http://h/openai${rest}`)
        expect(target.fault).toBe('')
        expect(targetOf(target)!.url).toBe(`https://upstream.example/base/v9${rest === '' ? '/' : rest}`)
      },
    ),
  )
})

test('a dot segment that is hidden is found, at any depth of escaping', () => {
  const hidden = [
    '..%2fx',
    '..%5Cx',
    '..;/x',
    '..;a=1/x',
    '%2e%2e;/x',
    '%2E%2e%2Fx',
    'a%2f..',
    'a%2f.%2fb',
    '..%3b/x',
  ]
  // Servers that undo escapes and send the path on, or read it again, cut it at these or drop them.
  hidden.push(
    '..%3fx',
    '..%23/x',
    '..%00/x',
    'x/..%20',
    '..%20/x',
    '.%09./x',
    '%2e%0d%0a%2e%2fx',
    '.%253f',
    '..%0b/x',
  )
  // Escapes of servers that read UTF-8 loosely, and of Microsoft's.
  hidden.push(
    '%c0%ae%c0%ae/x',
    '..%c0%afx',
    '..%c1%9cx',
    '%e0%80%ae./x',
    '%f0%80%80%ae./x',
    '%u002e%u002e/x',
    '..%u002fx',
  )
  hidden.push('..%252fx', '%252e%252e/x', '%25252e%25252e%25255cx', '..%25%32%66x', '.;/x', 'x/..;')
  for (const text of hidden) expect([text, readPath(`/v1/${text}`).hidesDots]).toEqual([text, true])
  const plain = [
    'a%2Fb',
    '...%2f',
    'x..%2fy',
    '..x%2f',
    '.well-known/x',
    'a;b=..',
    '%2525',
    'a%2f...%2fb',
    'v1;.',
    'x%3f..',
    '%23..',
    'a%20..%20b',
    '%20..x',
    'x%00',
    '%c3%a9',
    '%e2%80%a6/x',
    '%f0%9f%98%80',
    '..é',
    '...%3fx',
    '%u0041',
  ]
  for (const text of plain) expect([text, readPath(`/v1/${text}`).hidesDots]).toEqual([text, false])
})

test('a path that is escaped over and over is refused, not followed', () => {
  let text = '..'
  for (let i = 0; i < 9; i++) text = text.replace(/[^%]|%/g, (c) => `%${c.charCodeAt(0).toString(16)}`)
  expect(readPath(`/${text.slice(0, 1_000_000)}`).hidesDots).toBe(true)
})

test('a target without a usable host, or with a fragment, is no way around', () => {
  expect(requestTarget('/openai/../x?a/../b')).toMatchObject({ path: '/x', query: '?a/../b', fault: '' })
  expect(requestTarget('/openai\\..\\x').path).toBe('/x')
  expect(requestTarget('http://a:99999/openai/%2E%2e').path).toBe('/')
  expect(requestTarget('http://h').path).toBe('/')
  expect(requestTarget('/a/.').path).toBe('/a/')
  expect(requestTarget('http://h/a#/../b').fault).toBe('the request target holds a fragment')
})

test('a call is metered however its path is written', () => {
  for (const [text, name] of [
    ['/v1/chat/completions', 'chat_completions'],
    ['/v1/Chat/COMPLETIONS', 'chat_completions'],
    ['/v1/chat%2fcompletions', 'chat_completions'],
    ['/v1/chat/%63ompletions', 'chat_completions'],
    ['/v1//chat//completions', 'chat_completions'],
    ['/v1/chat/completions;x=1', 'chat_completions'],
    ['/v1/chat/completions%3fx', 'chat_completions'],
    ['/v1/chat/completions%23', 'chat_completions'],
    ['/v1/chat/completions%00x', 'chat_completions'],
    ['/v1/chat/compl%0aetions', 'chat_completions'],
    ['/v1/chat%c0%afcompletions', 'chat_completions'],
    ['/v1beta/models/gemini-2.5-pro%3AgenerateContent', 'generate_content'],
    [
      '/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fus.anthropic.claude/invoke',
      'bedrock_invoke',
    ],
    // A free call does not hide one that is metered.
    ['/models%2ffiles;:generateContent', 'generate_content'],
  ] as const)
    expect([text, operationOf('POST', readPath(text), false).api?.name]).toEqual([text, name])
})
