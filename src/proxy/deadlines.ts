import type { Timeouts } from '../config/config.ts'
import type { GatewayErrorCode } from '../errors.ts'
import { inTime } from '../in-time.ts'
import { LATE_MS } from '../patient-timer.ts'

/** Which wait an exchange is in. */
type Phase = 'request' | 'first_byte' | 'body'

/** How often waits are checked; a time-out strikes at most this much late. */
const SWEEP_MS = 50

/** The time-out that struck, for the caller to act on. */
export type Strike = Extract<
  GatewayErrorCode,
  | 'upstream_connect_timeout'
  | 'upstream_first_byte_timeout'
  | 'upstream_idle_timeout'
  | 'upstream_total_timeout'
>

/** One exchange's waits. Times are milliseconds of `performance.now()`. */
export class Clock {
  readonly timeouts: Timeouts
  readonly origin: string
  readonly strike: (code: Strike) => void
  /** Of the exchange; later by as long as the process was paused since. */
  startedAt: number
  phase: Phase = 'first_byte'
  phaseAt: number
  probed = false
  /** Called once when the exchange has lasted longer than most do, for what only long ones need. */
  lasting: (() => void) | undefined

  constructor(timeouts: Timeouts, origin: string, now: number, strike: (code: Strike) => void) {
    this.timeouts = timeouts
    this.origin = origin
    this.startedAt = now
    this.phaseAt = now
    this.strike = strike
  }

  /** The exchange lasts: does now what only long ones need. */
  last(): void {
    const lasting = this.lasting
    this.lasting = undefined
    lasting?.()
  }

  /** The process was paused: nothing could be heard for so long, so no wait has lasted that much. @param now after the pause */
  shift(pausedMs: number, now: number): void {
    this.startedAt = Math.min(this.startedAt + pausedMs, now)
    this.phaseAt = Math.min(this.phaseAt + pausedMs, now)
  }

  /** Enters a phase, or marks progress in it. */
  enter(phase: Phase): void {
    this.phase = phase
    this.phaseAt = performance.now()
  }
}

/**
 * Watches all exchanges with one timer, so that a request costs no timer of its own.
 *
 * The HTTP client does not tell when it has connected. An exchange that hears nothing for half its connect
 * time-out therefore has its upstream tried with a plain TCP connection, which gets the other half.
 */
export class Deadlines {
  readonly #clocks = new Set<Clock>()
  readonly #probes = new Map<string, Promise<boolean>>()
  readonly #connects: (origin: string, timeoutMs: number) => Promise<boolean>
  #timer: ReturnType<typeof setInterval> | undefined
  #sweptAt = 0

  /** @param connects whether a TCP connection to an origin can be made in time */
  constructor(connects: (origin: string, timeoutMs: number) => Promise<boolean>) {
    this.#connects = connects
  }

  watch(clock: Clock): void {
    this.#clocks.add(clock)
    if (this.#timer) return
    this.#sweptAt = performance.now()
    this.#timer = setInterval(() => this.#sweep(performance.now()), SWEEP_MS)
  }

  forget(clock: Clock): void {
    this.#clocks.delete(clock)
    if (this.#clocks.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #sweep(now: number): void {
    const lateMs = now - this.#sweptAt - SWEEP_MS
    this.#sweptAt = now
    for (const clock of this.#clocks) {
      if (lateMs >= LATE_MS) clock.shift(lateMs, now)
      if (clock.lasting && now - clock.startedAt >= SWEEP_MS) clock.last()
      const struck = strikeOf(clock, now)
      if (struck) {
        this.#clocks.delete(clock)
        clock.strike(struck)
      } else if (needsProbe(clock, now)) void this.#probe(clock)
    }
  }

  async #probe(clock: Clock): Promise<void> {
    clock.probed = true
    let probe = this.#probes.get(clock.origin)
    if (!probe) {
      probe = this.#connects(clock.origin, clock.timeouts.connectMs / 2)
      this.#probes.set(clock.origin, probe)
      void probe.finally(() => this.#probes.delete(clock.origin))
    }
    if ((await probe) || clock.phase === 'body' || !this.#clocks.has(clock)) return
    this.#clocks.delete(clock)
    clock.strike('upstream_connect_timeout')
  }
}

function strikeOf({ timeouts, phase, phaseAt, startedAt }: Clock, now: number): Strike | undefined {
  if (timeouts.totalMs > 0 && now - startedAt >= timeouts.totalMs) return 'upstream_total_timeout'
  if (phase === 'first_byte') {
    return timeouts.firstByteMs > 0 && now - phaseAt >= timeouts.firstByteMs
      ? 'upstream_first_byte_timeout'
      : undefined
  }
  return timeouts.idleMs > 0 && now - phaseAt >= timeouts.idleMs ? 'upstream_idle_timeout' : undefined
}

function needsProbe({ timeouts, phase, startedAt, probed }: Clock, now: number): boolean {
  if (probed || timeouts.connectMs === 0 || phase === 'body') return false
  return now - startedAt >= timeouts.connectMs / 2
}

/** Whether a TCP connection to an origin can be made within a time. */
export async function canConnect(origin: string, timeoutMs: number): Promise<boolean> {
  const url = new URL(origin)
  const port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80)
  const hostname = url.hostname.replace(/^\[|\]$/g, '')
  const connected = Bun.connect({
    hostname,
    port,
    socket: { data() {}, open: (socket) => void socket.end() },
  })
  return inTime(connected, timeoutMs).then(
    () => true,
    () => false,
  )
}
