import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { openSqliteStorage } from '../../src/storage/drivers/sqlite.ts'
import { openGateway, type TestGateway } from '../support/gateway.ts'
import { sampleTrace } from '../support/trace.ts'

const T0 = Date.parse('2026-02-12T03:00:00Z') * 1000
const KEYS = `auth:
  enabled: true
  keys:
    - {id: reader-a, token: token-of-the-reader-of-a, org_id: org-a, workspace_id: workspace-a, role: owner}
    - {id: reader-b, token: token-of-the-reader-of-b, org_id: org-b, workspace_id: workspace-b, role: owner}
`

let gateway: TestGateway
beforeAll(async () => {
  gateway = await openGateway(KEYS)
  const storage = await openSqliteStorage(`${gateway.folder}/data/traces.db`, 'write')
  const at = (id: string, second: number, values: Parameters<typeof sampleTrace>[0]): void => {
    const startedAtUs = T0 + second * 1_000_000
    const tenant = { organizationId: 'org-a', workspaceId: 'workspace-a' }
    traces.push(sampleTrace({ id, startedAtUs, createdAtUs: startedAtUs + 500, ...tenant, ...values }))
  }
  const traces: ReturnType<typeof sampleTrace>[] = []
  const counted = (input: number, output: number): object => ({
    inputTokens: input,
    outputTokens: output,
    totalTokens: input + output,
  })
  at('one', 0, { ...counted(10, 20), latencyMs: 100, timeToFirstTokenMs: 10, costNanoUsd: 1_000_000 })
  at('two', 1, {
    ...counted(5, 5),
    latencyMs: 200,
    timeToFirstTokenMs: 20,
    costNanoUsd: 2_000_000,
    outcome: 'upstream_failed',
  })
  at('three', 86_400, {
    ...counted(7, 3),
    latencyMs: 300,
    timeToFirstTokenMs: 30,
    costNanoUsd: 3_000_000,
    provider: 'anthropic',
    model: 'claude',
    apiKeyHash: 'key-b',
    requestPath: '/anthropic/v1/messages',
    responseStatus: 500,
    sessionId: 's1',
    tags: { Team: 'x' },
  })
  at('other', 2, { ...counted(60, 0), organizationId: 'org-b', workspaceId: 'workspace-b' })
  const step = (id: string, seq: number, more: object = {}): void =>
    at(id, 100 + seq, {
      traceGroupId: 'group-1',
      threadId: `t${seq % 2}`,
      metadata: {
        lineage_group_id: 'group-1',
        lineage_thread_id: `t${seq % 2}`,
        lineage_checkpoint_seq: seq,
        ...more,
      },
      provider: 'chain',
      model: 'chained',
    })
  for (const seq of [1, 2, 3, 4, 5]) step(`s${seq}`, seq)
  await storage.write(traces)
  await storage.maintenance().rollUp(4)
  await storage.close()
})
afterAll(() => gateway.stop())

interface Answer {
  readonly status: number
  readonly body: Record<string, unknown>
}

async function ask(
  path: string,
  init: RequestInit = {},
  token = 'token-of-the-reader-of-a',
): Promise<Answer> {
  const headers = { 'x-ongoingai-gateway-key': token }
  const response = await fetch(`${gateway.url}${path}`, { headers, ...init })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

const items = async (path: string): Promise<Record<string, unknown>[]> =>
  (await ask(path)).body['items'] as Record<string, unknown>[]

describe('analytics', () => {
  test('usage and cost in all, in snake case', async () => {
    expect((await ask('/api/analytics/usage?provider=openai')).body).toEqual({
      total_input_tokens: 15,
      total_output_tokens: 25,
      total_tokens: 40,
      cache_read_input_tokens: 0,
      cache_creation_input_tokens: 0,
      reasoning_tokens: 0,
      request_count: 2,
    })
    expect((await ask('/api/analytics/cost?provider=openai')).body).toEqual({
      total_cost_usd: 0.003,
      request_count: 2,
      avg_cost_usd: 0.0015,
      unknown_cost_requests: 0,
      estimated_cost_requests: 0,
      included_requests: 0,
      included_list_price_usd: 0,
    })
  })

  test('series by day and group, in UTC and in order', async () => {
    const filter = 'to=2026-02-13&from=2026-02-12&api_key_hash=key-a'
    const usage = await ask(`/api/analytics/usage?group_by=Provider&bucket=DAY&${filter}`)
    expect(usage.body).toMatchObject({ group_by: 'provider', bucket: 'day' })
    expect(
      (usage.body['items'] as Record<string, unknown>[]).map((item) => [
        item['bucket_start'],
        item['group'],
        item['total_tokens'],
      ]),
    ).toEqual([
      ['2026-02-12T00:00:00Z', 'chain', 90],
      ['2026-02-12T00:00:00Z', 'openai', 40],
    ])
    expect(await items('/api/analytics/cost?bucket=week')).toEqual([
      {
        bucket_start: '2026-02-09T00:00:00Z',
        total_cost_usd: 0.0069,
        request_count: 8,
        avg_cost_usd: 0.0008625,
        unknown_cost_requests: 0,
        estimated_cost_requests: 0,
        included_requests: 0,
        included_list_price_usd: 0,
      },
    ])
    expect((await ask('/api/analytics/cost?group_by=model')).body['bucket']).toBe('day')
    expect((await items('/api/analytics/usage?bucket=hour')).map((item) => item['bucket_start'])).toEqual([
      '2026-02-12T03:00:00Z',
      '2026-02-13T03:00:00Z',
    ])
  })

  test('models and keys, the busiest first', async () => {
    expect((await items('/api/analytics/models?provider=openai'))[0]).toEqual({
      model: 'gpt-4o-mini',
      request_count: 2,
      avg_latency_ms: 150,
      avg_ttft_ms: 15,
      total_tokens: 40,
      total_cost_usd: 0.003,
      unknown_cost_requests: 0,
      estimated_cost_requests: 0,
      included_requests: 0,
      included_list_price_usd: 0,
    })
    expect(
      (await items('/api/analytics/keys')).map((item) => [item['api_key_hash'], item['request_count']]),
    ).toEqual([
      ['key-a', 7],
      ['key-b', 1],
    ])
    expect((await items('/api/analytics/keys'))[1]!['last_active_at']).toBe('2026-02-13T03:00:00.0005Z')
  })

  test('latency and errors answer with gateway keys on, in one order everywhere', async () => {
    expect((await ask('/api/analytics/latency?provider=openai')).body).toEqual({
      items: [
        {
          request_count: 2,
          avg_ms: 150,
          min_ms: 100,
          max_ms: 200,
          p50_ms: 150,
          p95_ms: 195,
          p99_ms: 199,
        },
      ],
    })
    expect((await items('/api/analytics/latency?group_by=route')).map((item) => item['group'])).toEqual([
      '/openai/v1/chat/completions',
      '/anthropic/v1/messages',
    ])
    // Without a gateway key the group has no name.
    expect((await items('/api/analytics/errors?group_by=key'))[0]).toEqual({
      total_requests: 8,
      error_count_4xx: 0,
      error_count_5xx: 1,
      // One failed within an answer of status 200.
      error_count: 2,
      error_rate: 0.25,
    })
    expect((await items('/api/analytics/errors?group_by=none')).length).toBe(1)
    expect((await ask('/api/analytics/latency?model=nobody')).body).toEqual({ items: [] })
    expect((await ask('/api/analytics/errors?model=nobody&group_by=model')).body).toEqual({
      group_by: 'model',
      items: [],
    })
  })

  test('groups of attribution, tags by the case of their names, and the limit of groups', async () => {
    expect((await items('/api/analytics/usage?group_by=session')).map((item) => item['group'])).toEqual([
      's1',
    ])
    expect((await items('/api/analytics/cost?group_by=TAG.Team')).map((item) => item['group'])).toEqual(['x'])
    expect(await items('/api/analytics/cost?group_by=tag.team')).toEqual([])
    expect((await items('/api/analytics/cost?group_by=workspace'))[0]!['group']).toBe('org-a/workspace-a')
    expect((await ask('/api/analytics/cost?tag.Team=x')).body['request_count']).toBe(1)
    expect((await ask('/api/analytics/models?limit=1')).body).toMatchObject({ truncated: true })
    expect((await items('/api/analytics/models?limit=1')).length).toBe(1)
  })

  test('the summary is the whole in one line', async () => {
    expect((await ask('/api/analytics/summary')).body).toEqual({
      total_requests: 8,
      total_input_tokens: 77,
      total_output_tokens: 63,
      total_tokens: 140,
      total_cost_usd: 0.0069,
      active_keys: 2,
      top_model: 'chained',
      unknown_cost_requests: 0,
      estimated_cost_requests: 0,
      included_requests: 0,
      included_list_price_usd: 0,
      unmetered_requests: 0,
    })
  })

  test('a tenant is shown its own sums alone, whatever it asks', async () => {
    const other = (path: string): Promise<Answer> => ask(path, {}, 'token-of-the-reader-of-b')
    expect((await other('/api/analytics/usage')).body).toMatchObject({ total_tokens: 60 })
    expect((await other('/api/analytics/usage?group_by=provider&bucket=day')).body['items']).toHaveLength(1)
    expect((await other('/api/analytics/cost?group_by=workspace')).body['items']).toMatchObject([
      { group: 'org-b/workspace-b' },
    ])
    expect((await other('/api/analytics/latency?group_by=model')).body['items']).toHaveLength(1)
    expect((await other('/api/traces?order=asc')).body['items']).toHaveLength(1)
    const mine = (await ask('/api/traces?limit=1')).body['next_cursor']
    expect((await other(`/api/traces?order=asc&cursor=${String(mine)}`)).body['items']).toHaveLength(1)
    for (const path of ['one', 'one/replay', 's5/replay?checkpoint_id=one']) {
      expect([path, (await other(`/api/traces/${path}`)).status]).toEqual([path, 404])
    }
  })

  const GROUPS =
    '; expected one of none, provider, model, route, key, session, end_user, client, workspace, tag.<key>'
  const BOUND =
    'expected RFC3339 or YYYY-MM-DD, or a span back from now: 90m, 24h, 7d, 4w, today, yesterday or month'
  const wrong: [string, string][] = [
    ['usage?group_by=nope', `invalid group_by: "nope"${GROUPS}`],
    ['cost?group_by=a"b', `invalid group_by: "a\\"b"${GROUPS}`],
    ['latency?group_by=tag.', `invalid group_by: "tag."${GROUPS}`],
    ['usage?bucket=year', 'invalid bucket: "year"; expected one of hour, day, week, month'],
    ['usage?group_by=model&group_by=key&group_by=route', 'group_by may be given twice at most'],
    ['errors?group_by=Model&group_by=model', 'group_by names "model" twice'],
    ['usage?bucket=day&bucket=day', 'bucket must be given once'],
    ['cost?limit=1&limit=2', 'limit must be given once'],
    [
      'cost?time_zone=Mars/Olympus',
      'invalid time_zone: "Mars/Olympus"; expected a name of the IANA database such as Europe/Berlin',
    ],
    ['usage?from=2026-02-12&to=2026-02-11', 'to must be greater than or equal to from'],
    ['models?limit=0', 'limit must be >= 1'],
    ['models?limit=10001', 'limit must be <= 10000'],
    ['errors?from=tomorrow', `invalid from: ${BOUND}`],
    ['errors?to=7', `invalid to: ${BOUND}`],
  ]
  for (const [path, message] of wrong) {
    test(`${path} → 400 ${message}`, async () => {
      expect(await ask(`/api/analytics/${path}`)).toEqual({
        status: 400,
        body: { error: message, code: 'invalid_parameter' },
      })
    })
  }

  const unknown: [string, string][] = [
    ['usage?buckets=day', 'unknown parameter "buckets"; did you mean "bucket"?'],
    ['usage?group-by=model', 'unknown parameter "group-by"; did you mean "group_by"?'],
    ['cost?Tag.team=x', 'unknown parameter "Tag.team"; known are'],
    ['cost?tag.=x', 'unknown parameter "tag."'],
    ['models?group_by=key', 'unknown parameter "group_by"'],
    ['summary?limit=1', 'unknown parameter "limit"'],
    ['cost?org_id=org-a', 'unknown parameter "org_id"'],
    ['keys?whatever', 'unknown parameter "whatever"'],
  ]
  for (const [path, message] of unknown) {
    test(`${path} → 400 ${message}`, async () => {
      const { status, body } = await ask(`/api/analytics/${path}`)
      expect([status, body['code']]).toEqual([400, 'unknown_parameter'])
      expect(body['error']).toStartWith(message)
    })
  }

  test('a mistyped parameter is refused on every route, by whoever may ask; pairs that are malformed are dropped', async () => {
    for (const path of ['traces', 'traces/one', 'traces/s5/replay', 'limits', 'diagnostics/trace-pipeline']) {
      const { status, body } = await ask(`/api/${path}?nonsense=1`)
      expect([path, status, body['code']]).toEqual([path, 400, 'unknown_parameter'])
      expect((await ask(`/api/${path}?%zz=1&a;b=1&&=&=x`)).status).toBe(200)
    }
    expect((await ask('/api/traces?nonsense=1', {}, 'no-key-of-ours')).status).toBe(401)
    expect((await ask('/api/openapi.yaml?nonsense=1')).status).toBe(400)
    for (const path of ['/', '/api/health', '/api/live', '/api/ready']) {
      expect([path, (await ask(`${path}?nonsense=1&from=never`)).status]).toEqual([path, 200])
    }
  })

  test('two groups: each item has both, ordered by the first and then the second', async () => {
    const { body } = await ask('/api/analytics/cost?group_by=Provider&group_by=model&bucket=month')
    expect([body['group_by'], body['bucket']]).toEqual([['provider', 'model'], 'month'])
    expect(
      (body['items'] as Record<string, unknown>[]).map((item) => [
        item['bucket_start'],
        item['groups'],
        item['group'],
        item['request_count'],
      ]),
    ).toEqual([
      ['2026-02-01T00:00:00Z', { provider: 'anthropic', model: 'claude' }, undefined, 1],
      ['2026-02-01T00:00:00Z', { provider: 'chain', model: 'chained' }, undefined, 5],
      ['2026-02-01T00:00:00Z', { provider: 'openai', model: 'gpt-4o-mini' }, undefined, 2],
    ])
    const errors = await ask('/api/analytics/errors?group_by=model&group_by=workspace')
    expect(errors.body['group_by']).toEqual(['model', 'workspace'])
    expect((errors.body['items'] as Record<string, unknown>[]).map((item) => item['groups'])).toEqual(
      ['chained', 'claude', 'gpt-4o-mini'].map((model) => ({ model, workspace: 'org-a/workspace-a' })),
    )
    // The route and the tag are two dimensions of the rollups: read from the traces.
    expect((await items('/api/analytics/usage?group_by=tag.Team&group_by=session'))[0]).toMatchObject({
      groups: { 'tag.Team': 'x', session: 's1' },
      request_count: 1,
    })
    expect((await ask('/api/analytics/usage?group_by=none&group_by=model')).body['group_by']).toBe('model')
  })

  test('days begin where the time zone says, and dates are its days', async () => {
    // The exchanges began at 03:00 UTC and some seconds, on two days: 22:00 of the days before in New York.
    const days = await items('/api/analytics/usage?bucket=day&time_zone=america/new_york')
    expect(days.map((item) => [item['bucket_start'], item['request_count']])).toEqual([
      ['2026-02-11T05:00:00Z', 7],
      ['2026-02-12T05:00:00Z', 1],
    ])
    const count = async (query: string): Promise<unknown> =>
      (await ask(`/api/analytics/summary?${query}`)).body['total_requests']
    expect(await count('to=2026-02-12&time_zone=America/New_York')).toBe(8)
    expect(await count('to=2026-02-11&time_zone=America/New_York')).toBe(7)
    expect(await count('to=2026-02-11')).toBe(0)
    const listed = (await ask('/api/traces?from=2026-02-12&time_zone=America/New_York')).body[
      'items'
    ] as object[]
    expect(listed.length).toBe(1)
    for (const span of ['90m', '24h', 'today', 'month'])
      expect([span, await count(`from=${span}`)]).toEqual([span, 0])
    expect(await count('from=99999w&to=yesterday')).toBe(8)
  })

  test('hostile values are looked for, not obeyed, however long', async () => {
    for (const value of ["' OR 1=1 --", '%', '_', '\\', '\0', '😀', 'a'.repeat(100_000)]) {
      const encoded = encodeURIComponent(value)
      for (const query of [`model=${encoded}`, `group_by=tag.${encoded}`, `tag.${encoded}=${encoded}`]) {
        const { status, body } = await ask(`/api/analytics/cost?${query}`)
        expect([query.slice(0, 30), status < 500, JSON.stringify(body).includes('0.0069')]).toEqual([
          query.slice(0, 30),
          true,
          false,
        ])
      }
    }
  })
})

describe('following the store', () => {
  test('pages in the order of arrival end with a position to go on from', async () => {
    const first = await ask('/api/traces?order=asc&limit=5')
    const second = await ask(`/api/traces?order=ASC&limit=5&cursor=${String(first.body['next_cursor'])}`)
    const ids = [first, second].flatMap((page) =>
      (page.body['items'] as { id: string }[]).map(({ id }) => id),
    )
    expect(ids).toEqual(['one', 'two', 'three', 's1', 's2', 's3', 's4', 's5'])
    const position = String(second.body['next_cursor'])
    expect((await ask(`/api/traces?order=asc&cursor=${position}`)).body).toEqual({ items: [] })
    expect(await ask('/api/traces?order=sideways')).toEqual({
      status: 400,
      body: { error: 'order must be asc or desc', code: 'invalid_parameter' },
    })
  })
})

describe('replay', () => {
  const replay = async (path: string): Promise<[string[], unknown]> => {
    const { body } = await ask(`/api/traces/${path}`)
    return [(body['checkpoints'] as { id: string }[]).map(({ id }) => id), body['truncated']]
  }

  test('the chain of the thread up to the target, in order', async () => {
    expect(await replay('s5/replay')).toEqual([['s1', 's3', 's5'], false])
    expect(await replay('s5/replay?thread_id=t0')).toEqual([['s2', 's4', 's5'], false])
    expect(await replay('s5/replay?thread_id=zz')).toEqual([['s5'], false])
    expect(await replay('s5/replay?checkpoint_id=s3')).toEqual([['s1', 's3'], false])
    const { body } = await ask('/api/traces/s5/replay')
    expect(body).toMatchObject({
      source_trace_id: 's5',
      target_checkpoint_id: 's5',
      lineage: {
        group_id: 'group-1',
        thread_id: 't1',
        checkpoint_id: 's5',
        checkpoint_seq: 5,
        immutable: true,
      },
      target_trace: { id: 's5' },
    })
  })

  test('a limit cuts the oldest, and says so', async () => {
    expect(await replay('s5/replay?limit=2')).toEqual([['s3', 's5'], true])
    expect(await replay('s5/replay?limit=2&checkpoint_id=s3')).toEqual([['s3'], true])
    expect(await ask('/api/traces/s5/replay?limit=2&checkpoint_id=s1')).toEqual({
      status: 404,
      body: { error: 'checkpoint not found', code: 'checkpoint_not_found' },
    })
  })

  test('a trace without lineage is its own chain; a missing one comes before a wrong limit', async () => {
    expect(await replay('one/replay')).toEqual([['one'], false])
    expect((await ask('/api/traces/nope/replay?limit=501')).status).toBe(404)
    expect((await ask('/api/traces/s5/replay?limit=501')).body['error']).toBe('limit must be <= 500')
  })
})

describe('fork', () => {
  const fork = (body: string | undefined, id = 's2'): Promise<Answer> =>
    ask(`/api/traces/${id}/fork`, {
      method: 'POST',
      headers: {
        'x-ongoingai-gateway-key': 'token-of-the-reader-of-a',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body }),
    })

  test('gives the fields of the next request and stores nothing', async () => {
    const { status, body } = await fork('{}')
    expect(status).toBe(200)
    expect(body).toMatchObject({
      source_trace_id: 's2',
      source_checkpoint_id: 's2',
      lineage: { group_id: 'group-1', thread_id: 't0', parent_checkpoint_id: 's2', checkpoint_seq: 3 },
      headers: {
        'X-OngoingAI-Trace-Group-ID': 'group-1',
        'X-OngoingAI-Parent-Checkpoint-ID': 's2',
        'X-OngoingAI-Checkpoint-Seq': '3',
      },
    })
    expect(String(body['fork_id'])).toMatch(/^fork_[0-9a-f]{16}$/)
    expect((body['lineage'] as Record<string, string>)['run_id']).toMatch(/^run_[0-9a-f]{16}$/)
    expect((await ask('/api/analytics/summary')).body['total_requests']).toBe(8)
  })

  test('takes nothing, null, and names in any case', async () => {
    for (const body of [undefined, '', ' ', 'null', '{"CHECKPOINT_ID":null}']) {
      expect([body, (await fork(body)).status]).toEqual([body, 200])
    }
    expect((await fork('{"THREAD_ID":" t ","run_id":"r"}')).body['lineage']).toMatchObject({
      thread_id: 't',
      run_id: 'r',
    })
    expect((await fork('{"checkpoint_id":"s4"}')).body['lineage']).toMatchObject({ checkpoint_seq: 5 })
    expect((await fork('{}', 'one')).body['lineage']).toMatchObject({
      group_id: 'one',
      thread_id: 'thread_one',
      checkpoint_seq: 1,
    })
  })

  const long = `{"thread_id":"${'x'.repeat(16_400)}"}`
  const refused: [string, number, string][] = [
    ['{"unexpected":true}', 400, 'invalid fork request body'],
    ['{} {}', 400, 'invalid fork request body'],
    ['[]', 400, 'invalid fork request body'],
    ['{"run_id":5}', 400, 'invalid fork request body'],
    ['{', 400, 'invalid fork request body'],
    [`{}${' '.repeat(17_000)}`, 400, 'invalid fork request body'],
    [long, 413, 'fork request body too large'],
    ['{"checkpoint_id":"nope"}', 404, 'trace not found'],
    ['{"checkpoint_id":"other"}', 404, 'trace not found'],
  ]
  for (const [body, status, message] of refused) {
    test(`${body.slice(0, 30)} → ${status}`, async () => {
      const answer = await fork(body)
      expect([answer.status, answer.body['error']]).toEqual([status, message])
    })
  }
})
