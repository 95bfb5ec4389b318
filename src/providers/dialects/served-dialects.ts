import type { DialectName } from './dialects.ts'
import { dialectNamed } from './dialects.ts'
import type { ModelDialect, SpokenDialects } from './dialect.ts'

/** Hosts that serve dialects at other places than their own dialect says, or more of them. As documented in 2026-11. */
const HOSTS: Readonly<Record<string, SpokenDialects>> = {
  'openrouter.ai': { openai: '/api/v1', anthropic: '/api/v1' },
  'api.groq.com': { openai: '/openai/v1' },
  'api.perplexity.ai': { openai: '' },
  'api.deepseek.com': { openai: '/v1', anthropic: '/anthropic/v1' },
  'generativelanguage.googleapis.com': { gemini: '/v1beta', openai: '/v1beta/openai' },
  'chatgpt.com': { openai: '/backend-api/codex' },
}

/**
 * The dialects that a provider understands, and where below its base URL. A base URL that already has a part of that path keeps it.
 *
 * @param upstream the base URL
 */
export function servedDialects(upstream: URL, api: DialectName): SpokenDialects {
  const base = upstream.pathname.replace(/\/+$/, '')
  const spoken = HOSTS[upstream.hostname] ?? dialectNamed(api).speaks
  if (base === '') return spoken
  return Object.fromEntries(
    (Object.entries(spoken) as [ModelDialect, string][]).map(([dialect, path]) => [
      dialect,
      path.startsWith(`${base}/`) ? path.slice(base.length) : VERSIONS[dialect],
    ]),
  )
}

/** Where each dialect stands if nothing else is known. */
const VERSIONS: Readonly<Record<ModelDialect, string>> = {
  openai: '/v1',
  anthropic: '/v1',
  gemini: '/v1beta',
}
