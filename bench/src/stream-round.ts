import { median, meter, micros, quantile, threadLine, type CpuUse } from './measure.ts'
import type { Peer } from './peers.ts'
import { Streams } from './stream-client.ts'
import type { StreamApi } from './stream-events.ts'
import type { StreamUpstream } from './stream-upstream.ts'

/** What is streamed in a round. */
export interface StreamLoad {
  readonly api: StreamApi
  readonly streams: number
  readonly intervalMs: number
}

/** What a round of streams took, while all of them were running. */
export interface StreamRound {
  readonly events: number
  readonly cpu: CpuUse
  /** Processor time of all threads for each event, in microseconds. */
  readonly microsPerEvent: number
  /** From the sending of an event to its arrival, in milliseconds; the time the event has in it is that of its write. */
  readonly delayMs: { readonly p50: number; readonly p99: number; readonly max: number }
  /** How late the load sent its events, p99 in milliseconds: near the interval, the load is the bottleneck. */
  readonly lateMs: number
}

/**
 * Streams for some seconds through a peer. The opening of the streams and their end are not measured.
 *
 * @throws when an event is missing, comes twice or out of order, or a stream does not end as it should
 */
export async function streamRound(
  upstream: StreamUpstream,
  peer: Peer,
  { api, streams, intervalMs }: StreamLoad,
  seconds: number,
): Promise<StreamRound> {
  const events = 1 + Math.ceil((seconds * 1000) / intervalMs)
  upstream.plan({ events, intervalMs })
  const all = await Streams.open(peer, api, streams, events)
  await all.begin()
  const from = all.delaysMs.length
  const used = meter(peer.pids())
  upstream.release()
  await all.firstEnded()
  const cpu = used()
  const delays = all.delaysMs.slice(from)
  await all.ended()
  return {
    events: delays.length,
    cpu,
    microsPerEvent: micros(cpu) / delays.length,
    delayMs: { p50: quantile(delays, 0.5), p99: quantile(delays, 0.99), max: quantile(delays, 1) },
    lateMs: quantile(upstream.latenessMs, 0.99),
  }
}

/** Prints the rounds of each program: processor time for each event, its delays, and the threads behind it. */
export function printStreamRounds(
  rounds: ReadonlyMap<string, readonly StreamRound[]>,
  { intervalMs }: StreamLoad,
): void {
  let late = false
  console.log('program    CPU µs per event [rounds]; delay ms p50, p99 (medians), max; load late by p99 ms')
  for (const [name, of] of rounds) {
    const middle = (value: (round: StreamRound) => number): number => median(of.map(value))
    const delays = [
      middle((r) => r.delayMs.p50),
      middle((r) => r.delayMs.p99),
      Math.max(...of.map((r) => r.delayMs.max)),
    ]
    late ||= middle((round) => round.lateMs) > intervalMs
    const all = of.map((round) => round.microsPerEvent.toFixed(2)).join(' ')
    console.log(
      `${name.padEnd(10)} ${middle((r) => r.microsPerEvent).toFixed(2)} [${all}]; ${delays.map((ms) => ms.toFixed(2)).join(', ')}; ${middle((r) => r.lateMs).toFixed(2)}`,
    )
  }
  if (late) console.log('The load could not keep time: these figures measure the load.')
  for (const [name, of] of rounds) {
    const events = of.reduce((sum, round) => sum + round.events, 0)
    const line = threadLine(
      of.map((round) => round.cpu),
      events,
    )
    if (line !== '') console.log(`${name.padEnd(10)} by thread, µs per event: ${line}`)
  }
}
