import type { Members } from '../presentation/read-members.ts'
import { parseStrictJson } from '../wire/json/strict-json.ts'
import type { Arguments } from './flags.ts'

/** Flags of texts, and of lists separated by commas, that become members of the request. */
const TEXTS = ['id', 'name', 'description', 'role', 'scope', 'expires-at', 'token'] as const
const LISTS = ['permissions', 'models', 'providers', 'routes', 'networks'] as const

/** Reads a new key from flags. @returns a text for what is wrong with them */
export function readInput({ values }: Arguments): Members | string {
  const input: Record<string, unknown> = {}
  for (const flag of [...TEXTS, 'org-id', 'workspace-id']) {
    const value = values.get(flag)
    if (value !== undefined) input[flag.replace('-', '_')] = value
  }
  for (const flag of LISTS) {
    const value = values.get(flag)
    if (value !== undefined) input[flag] = value.split(',').map((item) => item.trim())
  }
  const labels = values.get('labels')
  if (labels !== undefined) {
    const pairs = labels.split(',').map((pair) => pair.split('=', 2))
    if (pairs.some((pair) => pair.length < 2)) return 'labels must be k=v,k=v'
    input['labels'] = Object.fromEntries(pairs)
  }
  const limits = readLimits(values)
  if (typeof limits === 'string') return limits
  if (limits.length > 0) input['limits'] = limits
  return input
}

/** `--budget`, `--requests-per-minute` and `--limits`; a text for what is wrong with them. */
function readLimits(values: Arguments['values']): unknown[] | string {
  const limits: unknown[] = []
  const requests = values.get('requests-per-minute')
  if (requests !== undefined) {
    if (Number(requests) < 1) return 'requests-per-minute must be at least 1'
    limits.push({ name: 'requests-per-minute', requests_per_minute: Number(requests) })
  }
  const budget = values.get('budget')
  if (budget !== undefined) {
    const [, cost, period] = /^\$?(\d+(?:\.\d+)?)\/(day|week|month|total)$/.exec(budget.trim()) ?? []
    if (Number(cost ?? 0) === 0)
      return `budget "${budget}" must be an amount in USD and a period: 50/month (day, week, month or total)`
    limits.push({ name: 'budget', budget: { cost_usd: Number(cost), period } })
  }
  const json = values.get('limits')
  if (json === undefined) return limits
  try {
    const further = parseStrictJson(json)
    return Array.isArray(further) ? [...limits, ...further] : 'limits must be a JSON list'
  } catch {
    return 'limits must be a JSON list'
  }
}
