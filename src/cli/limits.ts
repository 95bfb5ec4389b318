import { contractJson } from '../wire/json/contract-json.ts'
import type { LimitStanding } from '../limits/policies/standing.ts'
import { usdText } from '../usage/money.ts'
import { readFormat, type Io } from './command.ts'
import type { Arguments } from './flags.ts'
import { requestGateway, readTimeout } from './running-gateway.ts'
import { textTable } from './text-table.ts'

/** Flags that say whose limits to show, and their names in the query. */
const SUBJECT_FLAGS = ['key-id', 'end-user', 'session-id', 'provider', 'model'] as const

/** `ongoingai limits`: the limits of a key of a running gateway, with their state. */
export async function showLimits(parsed: Arguments, io: Io): Promise<number> {
  const format = readFormat('limits', parsed)
  const timeoutMs = readTimeout(parsed)
  const problem =
    parsed.positional.length > 0
      ? 'limits does not accept positional arguments'
      : 'problem' in format
        ? format.problem
        : typeof timeoutMs === 'string'
          ? `invalid limits ${timeoutMs}`
          : undefined
  if (problem !== undefined || typeof timeoutMs === 'string') {
    io.err(`${problem}\n`)
    return 2
  }
  const query = new URLSearchParams()
  for (const flag of SUBJECT_FLAGS) {
    const value = parsed.values.get(flag)
    if (value !== undefined) query.set(flag.replace('-', '_'), value)
  }
  try {
    const path = `/api/limits${query.size > 0 ? `?${query.toString()}` : ''}`
    const { value } = await requestGateway(parsed, io, { what: 'limits', path, timeoutMs })
    if ('format' in format && format.format === 'json') {
      io.out(`${contractJson(value, 2)}\n`)
      return 0
    }
    const { limits: standings } = value as { limits: readonly LimitStanding[] }
    if (standings.length === 0) io.out('no limits are set\n')
    else io.out(textTable([HEADINGS, ...standings.map(rowOf)]))
    return 0
  } catch (error) {
    io.err(`${error instanceof Error ? error.message : String(error)}\n`)
    return 1
  }
}

const HEADINGS = ['NAME', 'LIMIT', 'PER', 'USED', 'RESERVED', 'OF', 'RESET']

function rowOf(standing: LimitStanding): string[] {
  const { name, kind, per, split_by: split, limit, used, reserved, period, reset } = standing
  const remarks = [
    ...(standing.enforcement === undefined || standing.enforcement === 'hard' ? [] : [standing.enforcement]),
    ...(standing.count_included && kind === 'cost' ? ['with included'] : []),
  ]
  const show = (amount: number): string => (kind === 'cost' ? `${usdText(amount * 1e9)} USD` : String(amount))
  const words = kind.replaceAll('_', ' ')
  return [
    name,
    period === undefined
      ? words
      : `${words} per ${period}${remarks.length > 0 ? ` (${remarks.join(', ')})` : ''}`,
    `${per.replace('_', ' ')}${split === undefined ? '' : ` and ${split}`}`,
    show(used),
    // The reserved amount is the expected cost of running requests.
    reserved === undefined ? '' : `${reserved > 0 ? '~' : ''}${show(reserved)}`,
    show(limit),
    reset ?? '',
  ]
}
