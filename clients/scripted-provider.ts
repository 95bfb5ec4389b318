import type { Server, ServerWebSocket } from 'bun'

/** A request as an agent made it. Messages of a WebSocket are requests of the method `WS message`. */
export interface Seen {
  readonly method: string
  readonly path: string
  /** With query and fields, as it came. */
  readonly raw: string
  readonly headers: Headers
  readonly body: Record<string, unknown>
}

/** A provider of every API that agents use. Where it can, it asks for a file to be read first, and answers `TOOL LOOP DONE` when it was. */
export class ScriptedProvider {
  readonly seen: Seen[] = []
  readonly #server: Server<undefined>

  /** @param file that it asks for; it holds the words `the canary sings`. Tools that run a command are given `cat a.js` */
  constructor(file: string) {
    const { seen } = this
    this.#server = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      async fetch(request, server) {
        const { pathname: path, search } = new URL(request.url)
        const { method, headers } = request
        const head = JSON.stringify([path, search, ...headers])
        if (headers.get('upgrade') === 'websocket') {
          seen.push({ method: 'WS', path, raw: head, headers, body: {} })
          return server.upgrade(request) ? undefined : new Response(null, { status: 426 })
        }
        const text = await request.text()
        const body = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>)
        seen.push({ method, path, raw: head + text, headers, body })
        return play(path, body, file)
      },
      websocket: {
        message(socket: ServerWebSocket, message) {
          const raw = String(message)
          const body = JSON.parse(raw) as Record<string, unknown>
          seen.push({ method: 'WS message', path: '', raw, headers: new Headers(), body })
          for (const event of playResponses(body)) socket.send(JSON.stringify(event))
        },
      },
    })
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}`
  }

  async stop(): Promise<void> {
    await this.#server.stop(true)
  }
}

function play(path: string, body: Record<string, unknown>, file: string): Response {
  if (path.endsWith('/messages')) return eventStream(playMessages(body, file))
  if (path.endsWith('/responses')) {
    return body['stream'] === true
      ? eventStream(playResponses(body))
      : Response.json((playResponses(body).at(-1) as { response: object }).response)
  }
  if (path.endsWith('/chat/completions')) return playChat(body)
  if (path.includes('generateContent') || path.includes('streamGenerateContent'))
    return playGemini(path, body)
  return Response.json({ data: [], models: [] })
}

function eventStream(events: readonly Record<string, unknown>[]): Response {
  const text = events
    .map((event) => `event: ${String(event['type'])}\ndata: ${JSON.stringify(event)}\n\n`)
    .join('')
  return new Response(text, { headers: { 'content-type': 'text/event-stream', 'request-id': 'req_agents' } })
}

/** First reads the file, then answers with what it read. */
function playMessages(body: Record<string, unknown>, file: string): Record<string, unknown>[] {
  const text = JSON.stringify(body['messages'] ?? [])
  const usage = { input_tokens: 100, cache_read_input_tokens: 1000, output_tokens: 1 }
  const start = {
    type: 'message_start',
    message: {
      id: 'msg_1',
      type: 'message',
      role: 'assistant',
      model: body['model'],
      content: [],
      stop_reason: null,
      usage,
    },
  }
  const tools = JSON.stringify(body['tools'] ?? [])
  const call = tools.includes('"Read"') && !text.includes('tool_result')
  const block = call
    ? { type: 'tool_use', id: 'toolu_1', name: 'Read', input: {} }
    : { type: 'text', text: '' }
  const delta = call
    ? { type: 'input_json_delta', partial_json: JSON.stringify({ file_path: file }) }
    : {
        type: 'text_delta',
        text: text.includes('the canary sings') ? 'TOOL LOOP DONE' : 'HELLO FROM UPSTREAM',
      }
  return [
    start,
    { type: 'content_block_start', index: 0, content_block: block },
    { type: 'content_block_delta', index: 0, delta },
    { type: 'content_block_stop', index: 0 },
    {
      type: 'message_delta',
      delta: { stop_reason: call ? 'tool_use' : 'end_turn', stop_sequence: null },
      usage: { output_tokens: 20 },
    },
    { type: 'message_stop' },
  ]
}

function playChat(body: Record<string, unknown>): Response {
  const chunk = { id: 'c1', object: 'chat.completion.chunk', created: 1, model: body['model'] }
  const usage = {
    prompt_tokens: 1100,
    completion_tokens: 20,
    total_tokens: 1120,
    prompt_tokens_details: { cached_tokens: 1000 },
  }
  const events = [
    { ...chunk, choices: [{ index: 0, delta: { role: 'assistant', content: 'HELLO FROM UPSTREAM' } }] },
    { ...chunk, choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] },
    { ...chunk, choices: [], usage },
  ]
  const text = events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('')
  return new Response(`${text}data: [DONE]\n\n`, { headers: { 'content-type': 'text/event-stream' } })
}

/** Gemini CLI first asks, by a schema, which model is to answer. */
function playGemini(path: string, body: Record<string, unknown>): Response {
  const config = JSON.stringify(body['generationConfig'] ?? {})
  const text = /responseJsonSchema|responseSchema/.test(config)
    ? JSON.stringify({
        reasoning: 'simple',
        model_choice: 'flash',
        complexity_reasoning: 'simple',
        complexity_score: 1,
      })
    : 'HELLO FROM UPSTREAM'
  const answer = {
    candidates: [{ content: { role: 'model', parts: [{ text }] }, finishReason: 'STOP', index: 0 }],
    usageMetadata: {
      promptTokenCount: 1100,
      cachedContentTokenCount: 1000,
      candidatesTokenCount: 15,
      thoughtsTokenCount: 5,
      totalTokenCount: 1120,
    },
    modelVersion: 'gemini-3.8-flash',
  }
  if (!path.includes('streamGenerateContent')) return Response.json(answer)
  return new Response(`data: ${JSON.stringify(answer)}\r\n\r\n`, {
    headers: { 'content-type': 'text/event-stream' },
  })
}

function textDelta(delta: string): Record<string, unknown> {
  return { type: 'response.output_text.delta', item_id: 'msg_1', output_index: 0, content_index: 0, delta }
}

let responses = 0
/** First runs a command, then answers with what it said. */
function playResponses(body: Record<string, unknown>): Record<string, unknown>[] {
  const id = `resp_${responses++}`
  const text = JSON.stringify(body['input'] ?? [])
  const response = { id, object: 'response', model: body['model'], output: [] as unknown[] }
  const usage = {
    input_tokens: 1100,
    input_tokens_details: { cached_tokens: 1000 },
    output_tokens: 20,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: 1120,
  }
  const created = { type: 'response.created', response: { ...response, status: 'in_progress' } }
  if (body['generate'] === false) {
    return [
      created,
      {
        type: 'response.completed',
        response: {
          ...response,
          status: 'completed',
          usage: { input_tokens: 0, output_tokens: 0, total_tokens: 0 },
        },
      },
    ]
  }
  const tool = /"name":"(exec_command|shell_command|shell)"/.exec(JSON.stringify(body['tools'] ?? []))?.[1]
  const call = tool !== undefined && !text.includes('function_call_output')
  const command =
    tool === 'exec_command'
      ? { cmd: 'cat a.js' }
      : tool === 'shell_command'
        ? { command: 'cat a.js' }
        : { command: ['cat', 'a.js'] }
  const item = call
    ? {
        type: 'function_call',
        id: 'fc_1',
        call_id: 'call_1',
        name: tool,
        arguments: JSON.stringify(command),
        status: 'completed',
      }
    : {
        type: 'message',
        id: 'msg_1',
        role: 'assistant',
        status: 'completed',
        content: [
          {
            type: 'output_text',
            text: text.includes('the canary sings') ? 'TOOL LOOP DONE' : 'HELLO FROM UPSTREAM',
            annotations: [],
          },
        ],
      }
  return [
    created,
    { type: 'response.output_item.added', output_index: 0, item },
    ...(call ? [] : [textDelta(item.content?.[0]?.text ?? '')]),
    { type: 'response.output_item.done', output_index: 0, item },
    { type: 'response.completed', response: { ...response, status: 'completed', output: [item], usage } },
  ]
}
