import type { Dialect } from './dialect.ts'

/**
 * Amazon Bedrock's dialect. Its runtime takes Claude's Messages in `InvokeModel`, without `model` and `stream`. Streams come as AWS event
 * streams there, which no client of Anthropic reads. `served-dialects.ts` has the hosts that speak the dialects themselves.
 *
 * @see https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages.html
 */
export const bedrock = {
  name: 'bedrock',
  vendor: { name: 'bedrock', telemetryName: 'aws.bedrock' },
  belowAnyPath: true,
  speaks: {
    // docs.aws.amazon.com/bedrock/latest/userguide/inference-chat-completions.html
    openai: '/openai/v1',
    anthropic: {
      '/messages': {
        path: '/model/{model}/invoke',
        without: ['model', 'stream'],
        with: { anthropic_version: 'bedrock-2023-05-31' },
        listsOf: { anthropic_beta: 'anthropic-beta' },
      },
    },
  },
  errorBody: ({ code, message, limit }) => ({ message, code, ...limit }),
} as const satisfies Dialect
