import type { CounterState, Take } from '../policies/take.ts'

/** Whether one limit has room: `held` where only reservations of unsettled requests are in the way, so that waiting may help. */
export type Room = 'free' | 'held' | 'full'

/** Whether a request passes; otherwise the index of the limit that is named. */
export type Decision =
  | { readonly kind: 'admit' }
  | { readonly kind: 'wait'; readonly index: number }
  | { readonly kind: 'refuse'; readonly index: number }

/**
 * Whether one limit has room for a request. The Lua script and the SQL function hold the same rule; `test/contracts/counters-contract.ts`
 * compares them.
 *
 * - A rate of requests counts what passes; a rate of tokens lets requests pass while there is room, because their tokens are known later.
 * - A `soft` budget always has room.
 * - A `hard` budget has room while spent and reserved stay below the limit: the next request passes, whatever it costs.
 * - A `strict` budget has room for what fits, and for any request that is alone while money is left.
 *
 * @param amount what the request takes: 1, tokens, or nano-USD; for `strict` the most that it can come to
 * @param used counted or spent so far
 * @param reserved by requests that are not settled; 0 for all but budgets
 */
export function roomFor(take: Take, amount: number, used: number, reserved: number): Room {
  const { limit } = take
  if (take.kind === 'concurrency') return used < limit ? 'free' : 'full'
  if (take.kind === 'rate') {
    const fits = take.settles ? used < limit : used + amount <= limit
    return fits ? 'free' : 'full'
  }
  if (take.enforcement === 'soft') return 'free'
  if (used >= limit) return 'full'
  if (take.enforcement === 'hard') return used + reserved < limit ? 'free' : 'held'
  return reserved === 0 || used + reserved + amount <= limit ? 'free' : 'held'
}

/**
 * Decides over a request. A spent budget is named before everything else, because trying again in a minute does not help; then whatever
 * else refuses; a wait comes last, because it ends in a refusal where anything else refuses.
 *
 * @param takes what the request's limits count
 * @param amounts what it takes of each, in their order
 * @param states where each counter stands, in their order
 */
export function decide(
  takes: readonly Take[],
  amounts: readonly number[],
  states: readonly CounterState[],
): Decision {
  const rooms = takes.map((take, i) => roomFor(take, amounts[i]!, states[i]!.used, states[i]!.reserved))
  const spent = rooms.findIndex((room, i) => room === 'full' && takes[i]!.kind === 'budget')
  const full = spent < 0 ? rooms.indexOf('full') : spent
  if (full >= 0) return { kind: 'refuse', index: full }
  const held = rooms.indexOf('held')
  return held < 0 ? { kind: 'admit' } : { kind: 'wait', index: held }
}
