import type { Exchange } from '../../src/traces/exchange.ts'

/** A finished exchange with plain values; a test says only what matters to it. */
export function sampleExchange(values: Partial<Exchange> = {}): Exchange {
  return {
    id: 'exchange-1',
    correlationId: 'c',
    startedAtUs: Date.now() * 1000,
    completedUs: 5,
    upstreamFirstByteUs: 2,
    caller: { organizationId: 'default', workspaceId: 'default', keyId: '', team: '', role: '' },
    wire: { api: 'chat_completions', provider: 'openai' },
    credentialField: '',
    queryKey: '',
    dialect: 'openai',
    routeModel: '',
    injected: false,
    upstreamUrl: 'http://127.0.0.1',
    attempts: 1,
    method: 'POST',
    path: '/openai/v1/chat/completions',
    requestFields: { authorization: 'Bearer sk-canary' },
    responseFields: {},
    status: 200,
    outcome: 'completed',
    errorCode: '',
    free: false,
    requestBytes: 2,
    responseBytes: 2,
    responseChunks: 0,
    streaming: false,
    request: { mediaType: 'application/json', codings: '' },
    response: { mediaType: 'application/json', codings: '' },
    spend: null,
    ticket: 0,
    route: '/openai/*',
    ...values,
  }
}
