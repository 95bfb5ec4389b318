import { NO_ATTRIBUTION } from '../../src/traces/attribution.ts'
import type { Trace } from '../../src/traces/trace.ts'

const MODELS = [
  ['openai', 'gpt-5-mini', 0.25, 2],
  ['anthropic', 'claude-sonnet-5', 3, 15],
  ['openai', 'gpt-5', 1.25, 10],
  ['anthropic', 'claude-haiku-5', 1, 5],
  ['gemini', 'gemini-3-flash', 0.3, 2.5],
  ['anthropic', 'claude-opus-5', 5, 25],
  ['openai', 'text-embedding-3-small', 0.02, 0],
  ['mistral', 'mistral-large-3', 2, 6],
] as const

const CLIENTS = ['claude-cli', 'codex_exec', 'OpenAI/Python', 'OpenAI/JS', 'opencode', '']

const ROUTES: Readonly<Record<string, string>> = {
  openai: '/openai/v1/chat/completions',
  anthropic: '/anthropic/v1/messages',
  gemini: '/gemini/v1beta/models/gemini-3-flash:generateContent',
  mistral: '/mistral/v1/chat/completions',
}

/** Days that the traces are spread over. */
const CORPUS_DAYS = 90

/** Start of the first day, epoch microseconds. */
export const CORPUS_START_US = Date.parse('2026-06-01T00:00:00Z') * 1000

const DAY_US = 86_400_000_000

/**
 * Traces as a company's gateway sees them, in the order of time and the same at every call: 20 workspaces of 5
 * organizations of very different size, office hours, sessions of some 30 exchanges, 500 people, latencies that are log-normal.
 */
export function* traceCorpus(count: number): Generator<Trace> {
  const random = generator(7)
  const sessions = new Map<number, { id: string; left: number; model: number; user: number }>()
  let sessionNumber = 0
  for (let i = 0; i < count; i++) {
    const workspace = skewed(random, 20)
    let session = sessions.get(workspace)
    if (!session || session.left === 0) {
      sessionNumber += 1
      session = {
        id: `session-${sessionNumber.toString(36)}`,
        left: 10 + Math.floor(random() * 40),
        model: skewed(random, MODELS.length),
        user: Math.floor(random() * 25),
      }
      sessions.set(workspace, session)
    }
    session.left -= 1
    yield traceOf(i, startOf(i / count, random), workspace, session, random)
  }
}

/** Time goes forward with the share of the corpus; within a day most of it passes from 8 to 18 UTC. */
function startOf(share: number, random: () => number): number {
  const days = share * CORPUS_DAYS
  const day = Math.floor(days)
  const hour = 8 + (days - day) * 10 + (random() < 0.1 ? (random() - 0.5) * 14 : 0)
  return CORPUS_START_US + day * DAY_US + Math.floor(hour * 3.6e9)
}

function traceOf(
  i: number,
  startedAtUs: number,
  workspace: number,
  session: { readonly id: string; readonly model: number; readonly user: number },
  random: () => number,
): Trace {
  const [provider, model, inputRate, outputRate] = MODELS[session.model]!
  const latencyMs = Math.round(Math.exp(7.6 + normal(random) * 0.9))
  const failed = random() < 0.02
  const input = failed ? 0 : 200 + Math.floor(random() * 30_000)
  const output = failed ? 0 : Math.floor(random() * 1200)
  const cached = Math.floor(input * random() * 0.9)
  const costNanoUsd = Math.round(input * inputRate * 1000 + output * outputRate * 1000)
  const status = failed ? (random() < 0.6 ? 429 : 503) : 200
  const client = CLIENTS[skewed(random, CLIENTS.length)]!
  return {
    ...NO_ATTRIBUTION,
    id: i.toString(16).padStart(32, '0'),
    traceGroupId: '',
    threadId: '',
    runId: '',
    organizationId: `org-${workspace % 5}`,
    workspaceId: `team-${workspace}`,
    gatewayKeyId: `gk_${workspace}_${session.user % 3}`,
    startedAtUs,
    createdAtUs: startedAtUs + latencyMs * 1000,
    provider,
    api: provider === 'anthropic' ? 'messages' : 'chat_completions',
    requestedModel: model,
    model,
    requestMethod: 'POST',
    requestPath: ROUTES[provider]!,
    responseStatus: status,
    outcome: failed ? 'upstream_failed' : 'completed',
    errorCode: '',
    providerError: '',
    streaming: true,
    inputTokens: input,
    outputTokens: output,
    totalTokens: input + output,
    cacheReadInputTokens: cached,
    cacheCreationInputTokens: 0,
    reasoningTokens: 0,
    usageSource: failed ? 'none' : 'reported',
    costStatus: 'exact',
    costNanoUsd: failed ? 0 : costNanoUsd,
    listPriceNanoUsd: null,
    latencyMs,
    timeToFirstTokenMs: Math.round(latencyMs * 0.3),
    timeToFirstTokenUs: Math.round(latencyMs * 300),
    finishReason: failed ? '' : 'stop',
    upstreamRequestId: `req_${i.toString(36)}`,
    correlationId: `corr-${i.toString(16).padStart(32, '0')}`,
    apiKeyHash: `hash-${workspace}-${session.user % 4}`.padEnd(64, '0'),
    sessionId: session.id,
    endUser: `user-${workspace}-${session.user}`,
    client,
    clientVersion: client === '' ? '' : '1.2.3',
    tags: random() < 0.3 ? { project: `p${skewed(random, 10)}` } : {},
    attempts: 1,
    target: `${provider}/${model}`,
    consumptionId: '',
    countedOnce: false,
    requestHeaders: HEADERS,
    responseHeaders: HEADERS,
    requestBody: null,
    responseBody: null,
    metadata: { lineage_checkpoint_id: i.toString(16).padStart(32, '0'), lineage_immutable: true },
    detail: {
      usage: {
        buckets: { input_uncached: input - cached, cache_read: cached, output_text: output },
        raw: { prompt_tokens: input, completion_tokens: output },
      },
      cost: { status: 'exact', total_usd: costNanoUsd / 1e9, price_list: 'bench', lines: [] },
      timing: { received_us: 0, completed_us: latencyMs * 1000 },
      upstream: { url_host: `api.${provider}.example`, attempts: 1 },
    },
  }
}

const HEADERS = {
  Accept: ['application/json'],
  Authorization: ['[REDACTED]'],
  'Content-Type': ['application/json'],
  'User-Agent': ['OpenAI/Python 2.1.0'],
}

/** Small numbers far more often than large ones. */
function skewed(random: () => number, count: number): number {
  return Math.floor(random() ** 2.5 * count)
}

function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}

/** mulberry32: small, quick, and the same everywhere. */
function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
