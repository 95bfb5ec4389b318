import type { Timeouts } from '../../providers/settings.ts'
import type { GatewayErrorCode } from '../../errors.ts'
import { LATE_MS } from '../../time/patient-timer.ts'

/** Which wait an exchange is in. Only our own sockets say when they `connect`. */
type Phase = 'connect' | 'request' | 'first_byte' | 'body'

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

/** What a test connection to a silent upstream can show. */
export interface Probed {
  /** Whether a new connection is accepted or refused within a time. */
  isReachable(timeoutMs: number): Promise<boolean>
  /** When an exchange that has ended last heard something of the upstream, by `performance.now()`. */
  heardAt: number
}

/** One exchange's waits. Times are milliseconds of `performance.now()`. */
export class Clock {
  timeouts: Timeouts
  connection: Probed
  readonly strike: (code: Strike) => void
  /** Of the exchange; later by as long as the process was paused since. */
  startedAt: number
  phase: Phase = 'first_byte'
  phaseAt: number
  /** The exchange has its connection, as far as is known. */
  connected = false
  /** Since when its upstream is watched: from its start, or from the last probe without a result. */
  probedAt: number
  probing = false
  /** Called once when the exchange has lasted longer than most do, for what only long ones need. */
  lasting: (() => void) | undefined

  constructor(timeouts: Timeouts, connection: Probed, now: number, strike: (code: Strike) => void) {
    this.timeouts = timeouts
    this.connection = connection
    this.startedAt = now
    this.probedAt = now
    this.phaseAt = now
    this.strike = strike
  }

  /** The exchange goes to another upstream, from which nothing has been heard yet. */
  retarget(timeouts: Timeouts, connection: Probed): void {
    this.timeouts = timeouts
    this.connection = connection
    this.connected = false
    this.probedAt = performance.now()
  }

  /** Another request is sent: its waits begin now. */
  startAgain(): void {
    this.connected = false
    this.probedAt = performance.now()
    this.enter('first_byte')
  }

  /** The exchange is long: does what only long ones need. */
  last(): void {
    const lasting = this.lasting
    this.lasting = undefined
    lasting?.()
  }

  /** The process was paused: nothing could be heard for so long, so no wait has lasted that much. @param now after the pause */
  shift(pausedMs: number, now: number): void {
    this.startedAt = Math.min(this.startedAt + pausedMs, now)
    this.phaseAt = Math.min(this.phaseAt + pausedMs, now)
    this.probedAt = Math.min(this.probedAt + pausedMs, now)
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
 * The HTTP client does not say when it has connected. So an exchange without a
 * sign of its upstream for half the connect time-out opens a test connection, which gets the other half. Only silence counts: an upstream
 * that refuses new connections may still respond on old ones. If other exchanges hear it, it is only slow to accept new ones.
 */
export class Deadlines {
  readonly #clocks = new Set<Clock>()
  readonly #probes = new Map<Probed, Promise<boolean>>()
  #timer: ReturnType<typeof setInterval> | undefined
  #sweptAt = 0

  watch(clock: Clock): void {
    this.#clocks.add(clock)
    if (this.#timer) return
    this.#sweptAt = performance.now()
    this.#timer = setInterval(() => this.#sweep(performance.now()), SWEEP_MS)
  }

  forget(clock: Clock): void {
    if (clock.phase === 'body') noteHeard(clock)
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
    const { connection, probedAt } = clock
    clock.probing = true
    let probe = this.#probes.get(connection)
    if (!probe) {
      probe = connection.isReachable(clock.timeouts.connectMs / 2)
      this.#probes.set(connection, probe)
      void probe.finally(() => this.#probes.delete(connection))
    }
    clock.connected = await probe
    clock.probing = false
    if (clock.connected) return
    if (clock.phase === 'body' || !this.#clocks.has(clock)) return
    for (const other of this.#clocks) if (other.phase === 'body') noteHeard(other)
    if (connection.heardAt >= probedAt) {
      clock.probedAt = performance.now()
      return
    }
    this.#clocks.delete(clock)
    clock.strike('upstream_connect_timeout')
  }
}

function noteHeard({ connection, phaseAt }: Clock): void {
  connection.heardAt = Math.max(connection.heardAt, phaseAt)
}

function strikeOf({ timeouts, phase, phaseAt, startedAt }: Clock, now: number): Strike | undefined {
  if (timeouts.totalMs > 0 && now - startedAt >= timeouts.totalMs) return 'upstream_total_timeout'
  if (phase === 'connect') {
    return timeouts.connectMs > 0 && now - phaseAt >= timeouts.connectMs
      ? 'upstream_connect_timeout'
      : undefined
  }
  if (phase === 'first_byte') {
    return timeouts.firstByteMs > 0 && now - phaseAt >= timeouts.firstByteMs
      ? 'upstream_first_byte_timeout'
      : undefined
  }
  return timeouts.idleMs > 0 && now - phaseAt >= timeouts.idleMs ? 'upstream_idle_timeout' : undefined
}

function needsProbe({ timeouts, phase, probedAt, probing, connected }: Clock, now: number): boolean {
  if (connected || probing || timeouts.connectMs === 0 || phase === 'body' || phase === 'connect')
    return false
  return now - probedAt >= timeouts.connectMs / 2
}
