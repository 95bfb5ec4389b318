import type { DialectName } from './dialects.ts'
import { dialectNamed } from './dialects.ts'
import type { ModelDialect, ServedAt, SpokenDialects } from './dialect.ts'

/** Hosts that serve dialects at other places than their own dialect says, or other ones. As documented in 2026-11. */
const HOSTS: Readonly<Record<string, SpokenDialects>> = {
  'openrouter.ai': { openai: '/api/v1', anthropic: '/api/v1' },
  'api.groq.com': { openai: '/openai/v1' },
  'api.perplexity.ai': { openai: '' },
  'api.deepseek.com': { openai: '/v1', anthropic: '/anthropic/v1' },
  'generativelanguage.googleapis.com': { gemini: '/v1beta', openai: '/v1beta/openai' },
  'chatgpt.com': { openai: '/backend-api/codex' },
}

/** The same for hosts that have a region or a customer in their names. */
const HOST_FAMILIES: readonly (readonly [names: RegExp, spoken: SpokenDialects])[] = [
  // docs.aws.amazon.com/bedrock/latest/userguide/inference-messages-api.html and bedrock-mantle.html
  [/(?:^|\.)bedrock-mantle\.[a-z0-9-]+\./, { openai: '/v1', anthropic: '/anthropic/v1' }],
  // Claude is at Foundry's own names, `*.services.ai.azure.com`.
  [/\.openai\.azure\.com$/, { openai: '/openai/v1' }],
]

/**
 * The dialects that a provider understands, and where below its base URL. A base URL that already has a part of that path keeps it.
 *
 * @param upstream the base URL
 */
export function servedDialects({ hostname, pathname }: URL, api: DialectName): SpokenDialects {
  const base = pathname.replace(/\/+$/, '')
  const { speaks, belowAnyPath } = dialectNamed(api)
  const spoken = HOSTS[hostname] ?? HOST_FAMILIES.find(([names]) => names.test(hostname))?.[1] ?? speaks
  if (base === '') return spoken
  return Object.fromEntries(
    (Object.entries(spoken) as [ModelDialect, ServedAt][]).map(([dialect, at]) => {
      if (typeof at !== 'string') return [dialect, at]
      if (at.startsWith(`${base}/`)) return [dialect, at.slice(base.length)]
      return [dialect, belowAnyPath ? at : VERSIONS[dialect]]
    }),
  )
}

/** Where each dialect stands if nothing else is known. */
const VERSIONS: Readonly<Record<ModelDialect, string>> = {
  openai: '/v1',
  anthropic: '/v1',
  gemini: '/v1beta',
}
