import { load } from './load.ts'
import { median, micros } from './measure.ts'
import { startOther, type Peer } from './peers.ts'
import { startJsonUpstream } from './upstream.ts'

/**
 * HAProxy's processor time for one proxied JSON request, in the same run: the unit in which figures of different machines
 * and hours can be compared.
 */
export class HaproxyUnit {
  readonly #haproxy: Peer | undefined
  readonly #micros: number[] = []

  private constructor(haproxy: Peer | undefined) {
    this.#haproxy = haproxy
  }

  /** Starts HAProxy in front of the JSON upstream, which must be there. Without HAProxy there is no unit, and a line says so. */
  static async start(): Promise<HaproxyUnit> {
    return new HaproxyUnit(await startOther('haproxy'))
  }

  /** Measures once more, for a second. */
  async measure(): Promise<void> {
    if (!this.#haproxy) return
    const { cpu, requests } = await load(this.#haproxy, 64, 1)
    this.#micros.push(micros(cpu) / requests)
  }

  /** A figure in microseconds of processor time as multiples of the unit; empty without one. */
  times(figure: number): string {
    return this.#haproxy ? ` = ${(figure / median(this.#micros)).toFixed(2)} × HAProxy` : ''
  }

  /** Ends HAProxy, and prints what it took. */
  async stop(): Promise<void> {
    if (!this.#haproxy) return
    await this.#haproxy.stop()
    const all = this.#micros.map((value) => value.toFixed(1)).join(' ')
    console.log(`HAProxy in this run: ${median(this.#micros).toFixed(1)} µs CPU a JSON request [${all}]`)
  }
}

/** Runs a bench of a part of the gateway, with the unit measured before and after it. */
export async function withUnit(bench: () => Promise<void> | void): Promise<void> {
  await measureAlone()
  await bench()
  await measureAlone()
}

async function measureAlone(): Promise<void> {
  if (!Bun.which('nginx'))
    return console.log('without HAProxy as the unit: its upstream is nginx, which is not on the path')
  const upstream = await startJsonUpstream()
  try {
    const unit = await HaproxyUnit.start()
    await unit.measure()
    await unit.stop()
  } finally {
    await upstream.stop()
  }
}
