/** The model that a moving name stood for in a period. */
export interface ModelAlias {
  readonly alias: string
  /** The bundled list's name for the provider. */
  readonly vendor: string
  /** First day, UTC. */
  readonly from: string
  /** The day on which it moved on, was retired, or was last checked. From then on it is unknown. */
  readonly to: string
  /** The model, as the price lists name it. */
  readonly model: string
  /** Why the price of that model is not certain for the alias; absent when it is. */
  readonly doubt?: string
  readonly source: string
}

/**
 * The day on which this table was last checked against the providers' announcements. An alias may have moved since.
 * Change the day only after checking again.
 */
const REVIEWED = '2026-12-01'

const LIST = '@pydantic/genai-prices 0.1.8, 2026-09-23'
/** The day after that list. */
const LISTED = '2026-09-24'

const MISTRAL_DOCS =
  'docs.mistral.ai/models, after 2026-10-06, and @pydantic/genai-prices 0.1.8 with its changes by day'
const MISTRAL_3 = 'github.com/simonw/llm-prices/pull/63, 2026-06-17, from mistral.ai/pricing'
const CLAUDE_RETIRED = 'platform.claude.com/docs/en/about-claude/model-deprecations, 2026-02'
const GPT_RETIRED = 'OpenAI’s deprecations page, 2025-11-18, 2026-04-22 and 2026-05-08'
const GROK_RETIRED = 'docs.x.ai/docs/migration/may-15-retirement, 2026-05'
const GEMINI_LATEST = 'developers.googleblog.com, Gemini 2.5 Flash and Flash-Lite, 2025-09-25'
const DEEPSEEK_NIGHTS = 'faxianai.com/news/7934, 2025-02-27, of DeepSeek’s announcement of 2025-02-26'
const DEEPSEEK_LOG = 'api-docs.deepseek.com/updates, 2025-12-01'
const DEEPSEEK_V4 = 'github.com/arikusi/deepseek-mcp-server v2.0.0, 2026-06-22; names retired on 2026-07-24'
const GPT_4O =
  'OpenAI’s letter of 2024-09-12, in github.com/ogkalu2/comic-translate/issues/138; retirement: deprecations page, 2026-10-28'
const ONE_SNAPSHOT = 'that it stood for this snapshot has no dated source'
const DISCOUNT = 'how long the nightly discount of 2025 held has no dated source'
const OTHER_SELLER = 'the price list has the rate of another seller of that model'

type Row = readonly [
  alias: string,
  from: string,
  to: string,
  model: string,
  source: string,
  doubt?: string | undefined,
]

function of(vendor: string, rows: readonly Row[]): ModelAlias[] {
  return rows.map(([alias, from, to, model, source, doubt]) => {
    const row = { alias, vendor, from, to, model, source }
    return doubt === undefined ? row : { ...row, doubt }
  })
}

/** Moving names, oldest meaning first. A name that responses report with a date needs no line: the response decides. */
export const MODEL_ALIASES: readonly ModelAlias[] = [
  ...of('mistral', [
    [
      'mistral-large-latest',
      '2024-11-18',
      '2025-12-02',
      'mistral-large-2411',
      'docs.mistral.ai changelog, 2024-11-18',
    ],
    // Large 4 came on 2026-10-06; whether the name moved to it is not known.
    ['mistral-large-latest', '2025-12-02', '2026-10-06', 'mistral-large-2512', MISTRAL_3],
    // Small 3, 3.1 and 3.2 cost the same; the list has their price under the alias.
    ['mistral-small-latest', '2025-01-30', '2026-03-16', 'mistral-small-latest', LIST],
    [
      'mistral-small-latest',
      '2026-03-16',
      REVIEWED,
      'mistral-small-2603',
      'github.com/promptfoo/promptfoo/pull/9929, 2026-07-01',
    ],
    ['mistral-medium-latest', '2025-05-07', REVIEWED, 'mistral-medium-latest', MISTRAL_DOCS],
    ['ministral-3b-latest', '2024-10-16', '2025-12-02', 'ministral-3b', MISTRAL_3],
    ['ministral-3b-latest', '2025-12-02', REVIEWED, 'ministral-3b-2512', MISTRAL_3],
    ['ministral-8b-latest', '2024-10-16', REVIEWED, 'ministral-8b-latest', MISTRAL_DOCS],
    ['mistral-ocr-latest', '2025-03-06', REVIEWED, 'mistral-ocr-latest', MISTRAL_DOCS],
    // Mistral's pages have newer models of both since the list.
    ['voxtral-small-latest', '2025-07-15', LISTED, 'voxtral-small-latest', LIST],
    ['voxtral-mini-latest', '2026-02-04', LISTED, 'voxtral-mini-2602', LIST],
    ['devstral-small-latest', '2025-05-21', REVIEWED, 'devstral-small', LIST],
    [
      'codestral-latest',
      '2025-08-01',
      REVIEWED,
      'codestral-2508',
      'docs.mistral.ai/guides/model-selection, end of July 2025; github.com/truefoundry/models/pull/948, 2026-05-05',
    ],
  ]),
  ...of('deepseek', [
    // The list's entry is the price of V3 and R1 with its nightly discount.
    ['deepseek-chat', '2025-02-27', '2025-09-05', 'deepseek-chat', DEEPSEEK_NIGHTS, DISCOUNT],
    ['deepseek-chat', '2025-09-29', '2025-12-01', 'deepseek-v3.2-exp', DEEPSEEK_LOG, OTHER_SELLER],
    ['deepseek-chat', '2025-12-01', '2026-04-24', 'deepseek-v3.2', DEEPSEEK_LOG, OTHER_SELLER],
    ['deepseek-chat', '2026-04-24', '2026-07-25', 'deepseek-v4-flash', DEEPSEEK_V4],
    ['deepseek-reasoner', '2025-02-27', '2025-09-05', 'deepseek-reasoner', DEEPSEEK_NIGHTS, DISCOUNT],
    ['deepseek-reasoner', '2025-09-29', '2025-12-01', 'deepseek-v3.2-exp', DEEPSEEK_LOG, OTHER_SELLER],
    ['deepseek-reasoner', '2025-12-01', '2026-04-24', 'deepseek-v3.2', DEEPSEEK_LOG, OTHER_SELLER],
    ['deepseek-reasoner', '2026-04-24', '2026-07-25', 'deepseek-v4-flash', DEEPSEEK_V4],
  ]),
  ...of('openai', [
    ['gpt-4o', '2024-05-13', '2024-10-02', 'gpt-4o-2024-05-13', GPT_4O],
    ['gpt-4o', '2024-10-02', '2027-01-14', 'gpt-4o-2024-08-06', GPT_4O],
    ['chatgpt-4o-latest', '2024-08-15', '2026-02-17', 'chatgpt-4o-latest', GPT_RETIRED],
    ['codex-mini-latest', '2025-05-16', '2026-01-16', 'codex-mini-latest', GPT_RETIRED],
    ['gpt-5-chat-latest', '2025-08-07', '2026-07-23', 'gpt-5-chat-latest', GPT_RETIRED],
    ['gpt-5.1-chat-latest', '2025-11-13', '2026-07-23', 'gpt-5.1-chat-latest', GPT_RETIRED],
    ['gpt-5.2-chat-latest', '2025-12-11', '2026-08-10', 'gpt-5.2-chat-latest', GPT_RETIRED],
  ]),
  ...of('anthropic', [
    [
      'claude-3-opus-latest',
      '2024-02-29',
      '2026-01-05',
      'claude-3-opus-20240229',
      CLAUDE_RETIRED,
      ONE_SNAPSHOT,
    ],
    [
      'claude-3-5-sonnet-latest',
      '2024-10-22',
      '2025-10-28',
      'claude-3-5-sonnet-20241022',
      CLAUDE_RETIRED,
      ONE_SNAPSHOT,
    ],
    [
      'claude-3-5-haiku-latest',
      '2025-01-01',
      '2026-02-19',
      'claude-3-5-haiku-20241022',
      CLAUDE_RETIRED,
      ONE_SNAPSHOT,
    ],
    [
      'claude-3-7-sonnet-latest',
      '2025-02-24',
      '2026-02-19',
      'claude-3-7-sonnet-20250219',
      CLAUDE_RETIRED,
      ONE_SNAPSHOT,
    ],
  ]),
  ...of('google', [
    // The next Flash came on 2025-12-17 (ai.google.dev/gemini-api/docs/deprecations).
    ['gemini-flash-latest', '2025-09-25', '2025-12-17', 'gemini-2.5-flash-preview-09-2025', GEMINI_LATEST],
    [
      'gemini-flash-lite-latest',
      '2025-09-25',
      '2025-12-17',
      'gemini-2.5-flash-lite-preview-09-2025',
      GEMINI_LATEST,
    ],
    ['gemini-flash-latest', '2026-09-25', '2026-09-26', 'gemini-flash-latest', 'models.dev, 2026-09-25'],
    [
      'gemini-flash-lite-latest',
      '2026-09-25',
      '2026-09-26',
      'gemini-flash-lite-latest',
      'models.dev, 2026-09-25',
    ],
  ]),
  ...of('x-ai', [
    ['grok-3-latest', '2025-04-09', '2026-05-15', 'grok-3', GROK_RETIRED],
    ['grok-4', '2025-07-09', '2026-05-15', 'grok-4-0709', GROK_RETIRED],
    ['grok-4-latest', '2025-07-09', '2026-05-15', 'grok-4-0709', GROK_RETIRED],
    ['grok-latest', '2026-05-06', '2026-05-07', 'grok-4.3', 'github.com/QueueLab/QCX/pull/582, 2026-05-06'],
    ['grok-latest', '2026-09-23', '2026-09-24', 'grok-4.5', LIST],
  ]),
  ...of('cohere', [
    [
      'command-r',
      '2024-03-11',
      '2025-09-15',
      'command-r-03-2024',
      'docs.cohere.com/v1/docs/command-r, 2024-08',
    ],
    [
      'command-r-plus',
      '2024-04-04',
      '2025-09-15',
      'command-r-plus-04-2024',
      'docs.cohere.com/v1/docs/command-r, 2024-08',
      ONE_SNAPSHOT,
    ],
  ]),
]

/** The model that an alias stands for, as far as known. */
export interface ResolvedAlias {
  /** The model to price. The alias itself if nothing is known. */
  readonly model: string
  /** Why it is not certain; absent when it is. */
  readonly doubt?: string
}

const BY_ALIAS = Map.groupBy(MODEL_ALIASES, ({ vendor, alias }) => `${vendor} ${alias}`)

/**
 * The model that a name stands for at a time. Outside the table's periods it is the last model before, with a doubt.
 *
 * @param name lower case
 * @param at epoch milliseconds
 * @returns `undefined` for a name that is no alias
 */
export function resolveAlias(vendor: string, name: string, at: number): ResolvedAlias | undefined {
  const rows = BY_ALIAS.get(`${vendor} ${name}`)
  if (!rows && !name.endsWith('-latest')) return undefined
  const row = rows?.findLast(({ from }) => Date.parse(from) <= at)
  if (!row) return { model: name, doubt: `${name} is an alias, and which model it stood for is not known` }
  if (at >= Date.parse(row.to)) {
    const doubt = `${name} is an alias, and which model it stood for after ${row.to} is not known`
    return { model: row.model, doubt: row.model === name ? doubt : `${doubt}; it was ${row.model}` }
  }
  if (row.doubt === undefined) return { model: row.model }
  return { model: row.model, doubt: `${name} stood for ${row.model}, and ${row.doubt}` }
}
