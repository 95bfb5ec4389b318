import type { ModelUsage } from '../../usage/usage.ts'
import { amountOf, countOf, objectOf, type JsonObject } from '../../wire/json/values.ts'

/** What a provider does not charge itself. */
export const NO_CHARGE: Pick<ModelUsage, 'reportedUsd' | 'unreported'> = {}

/**
 * Reads what a provider itself charges, where its usage says so: OpenRouter (`cost`), Perplexity (`cost.total_cost`), xAI
 * (`cost_in_usd_ticks`).
 *
 * With the caller's own key OpenRouter's `cost` is its fee alone; the key's provider bills `upstream_inference_cost`
 * beside it. If that is missing, the charge is not complete and is left out.
 *
 * @see https://openrouter.ai/docs/use-cases/usage-accounting
 * @see https://docs.x.ai/developers/cost-tracking
 */
export function readCharge(usage: JsonObject): Pick<ModelUsage, 'reportedUsd' | 'unreported'> {
  const charged = chargedUsd(usage)
  if (usage['is_byok'] === true) {
    const upstream = amountOf(objectOf(usage['cost_details'])?.['upstream_inference_cost'])
    if (upstream === undefined)
      return { unreported: ["the charge of the own key's provider, for which the list price was taken"] }
    return { reportedUsd: (charged ?? 0) + upstream }
  }
  if (charged !== undefined) return { reportedUsd: charged }
  const tools = uncountedTools(usage)
  const called = connectors(usage)
  return tools.length + called.length > 0 ? { unreported: [...tools, ...called] } : NO_CHARGE
}

function chargedUsd(usage: JsonObject): number | undefined {
  const ticks = usage['cost_in_usd_ticks']
  if (typeof ticks === 'number') return amountOf(ticks / 1e10)
  return amountOf(objectOf(usage['cost'])?.['total_cost'] ?? usage['cost'])
}

/** xAI bills calls of its tools by their kind, which it does not always report, and each source of its live search. */
function uncountedTools(usage: JsonObject): readonly string[] {
  const tools = countOf(usage['num_server_side_tools_used']) ?? 0
  const sources = countOf(usage['num_sources_used']) ?? 0
  if (tools === 0 && sources === 0) return NONE
  const byKind = objectOf(usage['server_side_tool_usage_details'])
  const reported = Object.values(byKind ?? {}).reduce<number>((sum, count) => sum + (countOf(count) ?? 0), 0)
  return [
    ...(tools > reported ? [`${tools - reported} calls of server-side tools`] : []),
    ...(sources > 0 ? [`${sources} sources of live search`] : []),
  ]
}

const NONE: readonly string[] = []

/** Mistral takes a fee for every call of a connector, by its kind, and counts the calls. */
function connectors(usage: JsonObject): readonly string[] {
  const called = objectOf(usage['connectors'])
  if (!called) return NONE
  return Object.entries(called).flatMap(([name, calls]) => {
    const count = countOf(calls)
    return count ? [`${count} calls of ${name.slice(0, 40)}`] : []
  })
}
