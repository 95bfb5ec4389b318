import { audioSpeech, audioTranscriptions } from './apis/audio.ts'
import { batchResults } from './apis/batch-results.ts'
import { bedrockConverse, bedrockInvoke } from './apis/bedrock.ts'
import { cachedContents } from './apis/cached-contents.ts'
import { asyncCompletions, chatCompletions, completions, storedCompletions } from './apis/chat-completions.ts'
import { cohereChat, cohereEmbed } from './apis/cohere.ts'
import { countTokens } from './apis/count-tokens.ts'
import { decisions } from './apis/decisions.ts'
import { embeddings } from './apis/embeddings.ts'
import { embedContent, generateContent } from './apis/generate-content.ts'
import { images } from './apis/images.ts'
import { inlinedResults } from './apis/inlined-results.ts'
import { interactions, storedInteractions } from './apis/interactions.ts'
import { live } from './apis/live.ts'
import { messages } from './apis/messages.ts'
import { conversations, moderations } from './apis/moderations.ts'
import { ocr } from './apis/ocr.ts'
import { ollamaChat, ollamaEmbed } from './apis/ollama.ts'
import { predict } from './apis/predict.ts'
import { realtime } from './apis/realtime.ts'
import { rerank } from './apis/rerank.ts'
import { responses, storedResponses } from './apis/responses.ts'
import { vectorStores } from './apis/vector-stores.ts'
import type { Operation, OperationCost, OperationModels } from './operation.ts'

/** A cost of a kind, which is given why it is of that kind. */
const costs =
  (kind: 'free' | 'unread' | 'unseen' | 'later') =>
  (because: string): OperationCost => ({ kind, because })
const [free, unread, unseen, later] = [costs('free'), costs('unread'), costs('unseen'), costs('later')]

/** Its answer says what it cost. */
const ANSWERED: OperationCost = { kind: 'answered' }
const FILES = free(
  'keeping a file has no price: platform.claude.com/docs/en/build-with-claude/files and ai.google.dev/gemini-api/docs/files say so; developers.openai.com/api/docs/pricing lists none (2026-11)',
)
const BATCH = later(
  'what a batch has done is billed, and counts when its results are fetched: platform.openai.com/docs/guides/batch, platform.claude.com/docs/en/build-with-claude/batch-processing, ai.google.dev/gemini-api/docs/batch-api (2026-11)',
)
const BATCH_ENDS = free('what a batch has done by then counts when its results are fetched (2026-11)')
const SESSION_TOKEN = later(
  'it issues a token; the session that is opened with it is billed, and may pass the gateway by: platform.openai.com/docs/api-reference/realtime-sessions, ai.google.dev/gemini-api/docs/ephemeral-tokens (2026-11)',
)
const CALL = unseen(
  'the session of a call passes the gateway by: platform.openai.com/docs/api-reference/realtime-calls (2026-11)',
)
const TRAINING = unseen(
  'training is billed by the tokens of a file when it is done: platform.openai.com/docs/api-reference/fine-tuning (2026-11)',
)
const TRAINING_ENDS = free(
  'it ends or holds the training of a model: platform.openai.com/docs/api-reference/fine-tuning (2026-11)',
)
const RUN = unseen(
  'a run is billed when it is done, and its own response does not say what it used: platform.openai.com/docs/api-reference/runs (2026-11)',
)
const EVALUATION = unseen(
  'an evaluation is billed when it is done: platform.openai.com/docs/api-reference/evals (2026-11)',
)
const LOCAL = free('Ollama manages models on this machine: docs.ollama.com/api (2026-11)')
const THREADS = free(
  'messages are kept, and billed as input of the runs that read them: platform.openai.com/docs/api-reference/threads (2026-11)',
)
const EVENTS = free('an agent reports on itself')
const STORED = unread(
  'what is put into a vector store costs 0.10 USD for a GB and day beyond the first: developers.openai.com/api/docs/pricing (2026-11)',
)
const CONTAINER = unread(
  'a container costs 0.03 USD and more for a session: developers.openai.com/api/docs/pricing (2026-11)',
)

const CONTENT: OperationModels = { kind: 'content' }
const PATH: OperationModels = { kind: 'path' }
const NONE: OperationModels = { kind: 'none' }
const AGENT: OperationModels = { kind: 'elsewhere', where: 'in an agent that is kept at the provider' }
/** OpenAI keeps items, Mistral runs an agent on what it is given. */
const CONVERSATION: OperationModels = { kind: 'content', onlyWith: 'inputs' }
/** Mistral goes on with the model that the conversation began with. */
const BEGUN: OperationModels = { kind: 'elsewhere', where: 'in an earlier conversation', onlyWith: 'inputs' }
const FILE: OperationModels = { kind: 'elsewhere', where: 'in a file that was uploaded' }

/** Tools that run a model of their own. */
const OF_TOOLS = ['tools.*.model']
/** The models that a system of Groq puts together. @see https://console.groq.com/docs/api-reference#chat-create */
const OF_COMPOUND = ['compound_custom.models.answering_model', 'compound_custom.models.reasoning_model']
const OF_INLINED = [
  'batch.inputConfig.requests.requests.*.request.model',
  'batch.input_config.requests.requests.*.request.model',
]
const OF_SESSION = [
  'session.model',
  'session.audio.input.transcription.model',
  'session.input_audio_transcription.model',
  'input_audio_transcription.model',
]

/**
 * Every operation that is known. What comes first wins. To add a wire API: its file and a row here.
 *
 * Methods that only read or delete are free and run no model, unless they have a row. No provider has a price for them: another request was
 * billed for what they read. If that request is free itself (a batch), the one that reads needs a row.
 */
export const OPERATIONS: readonly Operation[] = [
  { method: 'POST', path: '/async/chat/completions', api: asyncCompletions, cost: ANSWERED, models: CONTENT },
  { method: 'GET', path: '/async/chat/completions/{}', api: storedCompletions, cost: ANSWERED, models: NONE },
  {
    method: 'GET',
    path: '/chat/deferred-completion/{}',
    api: storedCompletions,
    cost: ANSWERED,
    models: NONE,
  },
  {
    method: 'POST',
    path: '/chat/completions',
    api: chatCompletions,
    cost: ANSWERED,
    models: CONTENT,
    nested: OF_COMPOUND,
  },
  { method: 'POST', path: '/agents/completions', api: chatCompletions, cost: ANSWERED, models: AGENT },
  { method: 'POST', path: '/completions', api: completions, cost: ANSWERED, models: CONTENT },
  { method: 'POST', path: '/responses', api: responses, cost: ANSWERED, models: CONTENT, nested: OF_TOOLS },
  { method: 'WS', path: '/responses', api: responses, cost: ANSWERED, models: { kind: 'messages' } },
  { method: 'POST', path: '/responses/compact', api: responses, cost: ANSWERED, models: CONTENT },
  { method: 'POST', path: '/responses/input_tokens', api: countTokens, cost: ANSWERED, models: NONE },
  { method: 'POST', path: '/responses/{}/cancel', api: storedResponses, cost: ANSWERED, models: NONE },
  { method: 'GET', path: '/responses/{}', api: storedResponses, cost: ANSWERED, models: NONE },
  { method: 'POST', path: '/decisions', api: decisions, cost: ANSWERED, models: CONTENT },
  { method: 'POST', path: '/api/embeddings', api: ollamaEmbed, cost: ANSWERED, models: CONTENT },
  { method: 'POST', path: '/embeddings', api: embeddings, cost: ANSWERED, models: CONTENT },
  { method: 'POST', path: '/multimodalembeddings', api: embeddings, cost: ANSWERED, models: CONTENT },
  { method: 'POST', path: '/contextualizedembeddings', api: embeddings, cost: ANSWERED, models: CONTENT },
  { method: 'POST', path: '/images/generations', api: images, cost: ANSWERED, models: CONTENT },
  { method: 'POST', path: '/images/edits', api: images, cost: ANSWERED, models: CONTENT },
  { method: 'POST', path: '/images/variations', api: images, cost: ANSWERED, models: CONTENT },
  { method: 'POST', path: '/audio/speech', api: audioSpeech, cost: ANSWERED, models: CONTENT },
  {
    method: 'POST',
    path: '/audio/transcriptions',
    api: audioTranscriptions,
    cost: ANSWERED,
    models: CONTENT,
  },
  { method: 'POST', path: '/audio/translations', api: audioTranscriptions, cost: ANSWERED, models: CONTENT },
  { method: 'POST', path: '/moderations', api: moderations, cost: ANSWERED, models: CONTENT },
  { method: 'POST', path: '/classifications', api: moderations, cost: ANSWERED, models: CONTENT },
  { method: 'POST', path: '/conversations', api: conversations, cost: ANSWERED, models: CONVERSATION },
  {
    method: 'POST',
    path: '/conversations/{}',
    api: conversations,
    cost: ANSWERED,
    models: BEGUN,
  },
  {
    method: 'POST',
    path: '/conversations/{}/items',
    cost: free(
      'items are kept, and billed as input of the responses that read them: developers.openai.com/api/docs/guides/conversation-state (2026-11)',
    ),
    models: NONE,
  },
  {
    method: 'WS',
    path: '/realtime',
    api: realtime,
    cost: ANSWERED,
    models: { kind: 'query' },
    nested: OF_SESSION,
  },
  {
    method: 'POST',
    path: '/realtime/client_secrets',
    cost: SESSION_TOKEN,
    models: CONTENT,
    nested: OF_SESSION,
  },
  { method: 'POST', path: '/realtime/sessions', cost: SESSION_TOKEN, models: CONTENT, nested: OF_SESSION },
  {
    method: 'POST',
    path: '/realtime/transcription_sessions',
    cost: SESSION_TOKEN,
    models: CONTENT,
    nested: OF_SESSION,
  },
  {
    method: 'POST',
    path: '/realtime/calls',
    cost: CALL,
    models: { kind: 'elsewhere', where: 'in the session of the call' },
  },
  {
    method: 'POST',
    path: '/auth_tokens',
    cost: SESSION_TOKEN,
    models: CONTENT,
    nested: ['bidiGenerateContentSetup.model'],
  },
  { method: 'POST', path: '/fine_tuning/jobs', cost: TRAINING, models: CONTENT },
  {
    method: 'POST',
    path: '/fine_tuning/jobs/{}/resume',
    cost: TRAINING,
    models: { kind: 'elsewhere', where: 'in a job that began earlier' },
  },
  { method: 'POST', path: '/fine_tuning/jobs/{}/cancel', cost: TRAINING_ENDS, models: NONE },
  { method: 'POST', path: '/fine_tuning/jobs/{}/pause', cost: TRAINING_ENDS, models: NONE },
  {
    method: 'POST',
    path: '/evals/{}/runs',
    cost: EVALUATION,
    models: { kind: 'elsewhere', where: 'in the evaluation and its graders' },
  },
  { method: 'POST', path: '/threads', cost: THREADS, models: NONE },
  { method: 'POST', path: '/threads/{}', cost: THREADS, models: NONE },
  { method: 'POST', path: '/threads/{}/messages', cost: THREADS, models: NONE },
  { method: 'POST', path: '/threads/{}/messages/{}', cost: THREADS, models: NONE },
  { method: 'POST', path: '/threads/runs', cost: RUN, models: CONTENT },
  { method: 'POST', path: '/threads/{}/runs', cost: RUN, models: CONTENT },
  {
    method: 'POST',
    path: '/threads/{}/runs/{}/submit_tool_outputs',
    cost: RUN,
    models: { kind: 'elsewhere', where: 'in a run that began earlier' },
  },
  { method: 'POST', path: '/threads/{}/runs/{}/cancel', cost: THREADS, models: NONE },
  { method: 'POST', path: '/containers', cost: CONTAINER, models: NONE },
  { method: 'POST', path: '/containers/{}/files', cost: FILES, models: NONE },
  { method: 'POST', path: '/event_logging/batch', cost: EVENTS, models: NONE },
  { method: 'POST', path: '/event_logging/{}/batch', cost: EVENTS, models: NONE },
  { method: 'POST', path: '/analytics-events/events', cost: EVENTS, models: NONE },
  { method: 'POST', path: '/vector_stores/{}/files', cost: STORED, models: NONE },
  { method: 'POST', path: '/files', cost: FILES, models: NONE },
  { method: 'GET', path: '/files/{}/content', api: batchResults, cost: ANSWERED, models: NONE },
  { method: 'POST', path: '/uploads', cost: FILES, models: NONE },
  { method: 'POST', path: '/uploads/{}/parts', cost: FILES, models: NONE },
  { method: 'POST', path: '/uploads/{}/complete', cost: FILES, models: NONE },
  { method: 'POST', path: '/uploads/{}/cancel', cost: FILES, models: NONE },
  { method: 'POST', path: '/vector_stores', api: vectorStores, cost: ANSWERED, models: NONE },
  {
    method: 'POST',
    path: '/vector_stores/{}',
    cost: free(
      'it changes the name or the expiry of a vector store, which have no price: developers.openai.com/api/docs/pricing (2026-11)',
    ),
    models: NONE,
  },
  { method: 'POST', path: '/vector_stores/{}/file_batches', cost: STORED, models: NONE },
  {
    method: 'POST',
    path: '/messages/batches',
    cost: BATCH,
    models: CONTENT,
    nested: ['requests.*.params.model', 'requests.*.params.tools.*.model'],
    dialect: 'anthropic',
  },
  {
    method: 'POST',
    path: '/messages/batches/{}/cancel',
    cost: BATCH_ENDS,
    models: NONE,
    dialect: 'anthropic',
  },
  { method: 'POST', path: '/batches', cost: BATCH, models: FILE },
  {
    method: 'POST',
    path: '/batches/{}/requests',
    cost: BATCH,
    models: { kind: 'elsewhere', where: 'in the requests of the batch' },
  },
  { method: 'POST', path: '/batches/{}/cancel', cost: BATCH_ENDS, models: NONE },
  { method: 'POST', path: '/batch/jobs', cost: BATCH, models: CONTENT },
  { method: 'POST', path: '/batch/jobs/{}/cancel', cost: BATCH_ENDS, models: NONE },
  { method: 'GET', path: '/batch/jobs/{}', api: inlinedResults, cost: ANSWERED, models: NONE },
  { method: 'POST', path: '/batchPredictionJobs', cost: BATCH, models: CONTENT },
  { method: 'POST', path: '/model-invocation-job', cost: BATCH, models: CONTENT, nested: ['modelId'] },
  {
    method: 'POST',
    path: '/messages',
    api: messages,
    cost: ANSWERED,
    models: CONTENT,
    nested: OF_TOOLS,
    dialect: 'anthropic',
  },
  {
    method: 'POST',
    path: '/messages/count_tokens',
    api: countTokens,
    cost: ANSWERED,
    models: NONE,
    dialect: 'anthropic',
  },
  {
    method: 'GET',
    path: '/messages/batches/{}/results',
    api: batchResults,
    cost: ANSWERED,
    models: NONE,
    dialect: 'anthropic',
  },
  {
    method: 'GET',
    path: '/batches/{}/results',
    cost: unread(
      'pages of results, each of which was billed: docs.x.ai/developers/advanced-api-usage/batch-api, openrouter.ai/docs/batch-quickstart (2026-11)',
    ),
    models: NONE,
  },
  {
    method: 'POST',
    path: ':generateContent',
    api: generateContent,
    cost: ANSWERED,
    models: PATH,
    dialect: 'gemini',
  },
  {
    method: 'POST',
    path: ':streamGenerateContent',
    api: generateContent,
    cost: ANSWERED,
    models: PATH,
    streams: true,
    dialect: 'gemini',
  },
  { method: 'POST', path: ':embedContent', api: embedContent, cost: ANSWERED, models: PATH },
  {
    method: 'POST',
    path: ':batchEmbedContents',
    api: embedContent,
    cost: ANSWERED,
    models: PATH,
    nested: ['requests.*.model'],
  },
  { method: 'POST', path: ':predict', api: predict, cost: ANSWERED, models: PATH },
  { method: 'POST', path: ':rawPredict', api: messages, cost: ANSWERED, models: PATH, nested: OF_TOOLS },
  {
    method: 'POST',
    path: ':streamRawPredict',
    api: messages,
    cost: ANSWERED,
    models: PATH,
    nested: OF_TOOLS,
  },
  { method: 'POST', path: ':countTokens', api: countTokens, cost: ANSWERED, models: NONE },
  { method: 'POST', path: ':batchGenerateContent', cost: BATCH, models: PATH, nested: OF_INLINED },
  { method: 'POST', path: ':asyncBatchEmbedContent', cost: BATCH, models: PATH, nested: OF_INLINED },
  { method: 'POST', path: ':cancel', cost: BATCH_ENDS, models: NONE },
  { method: 'GET', path: '/batches/{}', api: inlinedResults, cost: ANSWERED, models: NONE },
  { method: 'GET', path: ':download', api: batchResults, cost: ANSWERED, models: NONE },
  {
    method: 'POST',
    path: '/interactions',
    api: interactions,
    cost: ANSWERED,
    models: CONTENT,
    nested: ['agent'],
  },
  { method: 'GET', path: '/interactions/{}', api: storedInteractions, cost: ANSWERED, models: NONE },
  { method: 'POST', path: '/cachedContents', api: cachedContents, cost: ANSWERED, models: CONTENT },
  {
    method: 'PATCH',
    path: '/cachedContents/{}',
    cost: unread(
      'a longer life costs storage, and the response does not say how much is new: ai.google.dev/gemini-api/docs/pricing (2026-11)',
    ),
    models: NONE,
  },
  { method: 'WS', path: '.BidiGenerateContent', api: live, cost: ANSWERED, models: { kind: 'messages' } },
  { method: 'POST', path: '/v2/chat', api: cohereChat, cost: ANSWERED, models: CONTENT },
  { method: 'POST', path: '/v1/chat', api: cohereChat, cost: ANSWERED, models: CONTENT },
  { method: 'POST', path: '/v2/embed', api: cohereEmbed, cost: ANSWERED, models: CONTENT },
  { method: 'POST', path: '/v1/embed', api: cohereEmbed, cost: ANSWERED, models: CONTENT },
  { method: 'POST', path: '/rerank', api: rerank, cost: ANSWERED, models: CONTENT },
  { method: 'POST', path: '/tokenize', api: countTokens, cost: ANSWERED, models: NONE },
  { method: 'POST', path: '/detokenize', api: countTokens, cost: ANSWERED, models: NONE },
  { method: 'POST', path: '/ocr', api: ocr, cost: ANSWERED, models: CONTENT },
  { method: 'POST', path: '/api/chat', api: ollamaChat, cost: ANSWERED, models: CONTENT },
  { method: 'POST', path: '/api/generate', api: ollamaChat, cost: ANSWERED, models: CONTENT },
  { method: 'POST', path: '/api/embed', api: ollamaEmbed, cost: ANSWERED, models: CONTENT },
  { method: 'POST', path: '/api/show', cost: LOCAL, models: NONE },
  { method: 'POST', path: '/api/pull', cost: LOCAL, models: NONE },
  { method: 'POST', path: '/api/create', cost: LOCAL, models: NONE, nested: ['from', 'modelfile'] },
  { method: 'POST', path: '/api/copy', cost: LOCAL, models: NONE, nested: ['source'] },
  { method: 'POST', path: '/model/{}/converse', api: bedrockConverse, cost: ANSWERED, models: PATH },
  { method: 'POST', path: '/model/{}/converse-stream', api: bedrockConverse, cost: ANSWERED, models: PATH },
  { method: 'POST', path: '/model/{}/invoke', api: bedrockInvoke, cost: ANSWERED, models: PATH },
  {
    method: 'POST',
    path: '/model/{}/invoke-with-response-stream',
    api: bedrockInvoke,
    cost: ANSWERED,
    models: PATH,
  },
  { method: 'POST', path: '/model/{}/count-tokens', api: countTokens, cost: ANSWERED, models: NONE },
]
