import type { Config } from '../config/config.ts'
import type { CredentialPool } from '../credentials/credential-pool.ts'
import type { TargetChooser } from '../proxy/targets/chooser.ts'
import type { TargetState } from '../proxy/targets/target-health.ts'
import type { TargetCounts } from '../proxy/targets/target-traffic.ts'
import type { TargetItem } from '../presentation/target-item.ts'
import { formatTime } from '../time/rfc3339.ts'

/** Where the states of targets and credentials are known. */
interface StatePorts {
  readonly chooser: Pick<TargetChooser, 'stateOf'>
  readonly poolOf: (provider: string) => CredentialPool | undefined
}

/**
 * Every target and its state, one item for each of its credentials: those of the configuration, then others that were used.
 *
 * @param counts of the traffic that the reader may see
 */
export function targetOverview(
  { models, providers }: Pick<Config, 'models' | 'providers'>,
  counts: readonly TargetCounts[],
  { chooser, poolOf }: StatePorts,
): TargetItem[] {
  const targets = new Map<string, { readonly provider: string; readonly model: string | null }>()
  for (const model of models) {
    for (const { provider, model: name } of model.targets)
      targets.set(`${provider}/${name || model.name}`, { provider, model: name || model.name })
  }
  for (const { target } of counts) {
    const slash = target.indexOf('/')
    if (!targets.has(target) && providers.some(({ name }) => name === target.slice(0, slash)))
      targets.set(target, { provider: target.slice(0, slash), model: target.slice(slash + 1) })
  }
  return [...targets].flatMap(([target, { provider, model }]) => {
    const state = chooser.stateOf(target, performance.now())
    const item = (credential: string): TargetItem => {
      const counted = counts.find((one) => one.target === target && one.credential === credential)
      return {
        target,
        provider,
        model,
        credential: credential === '' ? null : credential,
        ...stateJson(state),
        // A target of no alias has no state, only what the reader's own requests met.
        last_cause: state.lastCause ?? counted?.lastCause ?? null,
        ...countsJson(counted),
      }
    }
    const pool = poolOf(provider)
    const held = pool?.standings(Date.now(), target) ?? []
    const own = pool?.use === 'gateway' ? [] : [item('')]
    return [
      ...own,
      ...held.map((standing) => {
        // A target that rests does so with every credential.
        if (standing.state === 'available' || state.state !== 'available') return item(standing.name)
        const until = standing.untilMs === null ? null : formatTime(standing.untilMs * 1000)
        return { ...item(standing.name), state: standing.state, until }
      }),
    ]
  })
}

function stateJson({ state, until }: TargetState): Pick<TargetItem, 'state' | 'until'> {
  const inMs = until === undefined ? undefined : until - performance.now()
  return {
    state,
    until: inMs === undefined ? null : formatTime(Math.round((Date.now() + inMs) * 1000)),
  }
}

function countsJson(
  counts: TargetCounts | undefined,
): Pick<TargetItem, 'attempts' | 'failures' | 'first_byte_p50_ms'> {
  return {
    attempts: counts?.attempts ?? 0,
    failures: counts?.failures ?? 0,
    first_byte_p50_ms: counts?.firstByteP50Ms === undefined ? null : Math.round(counts.firstByteP50Ms),
  }
}

/** States of the configured targets, by name. */
export function targetStates(
  { models }: Pick<Config, 'models'>,
  chooser: StatePorts['chooser'],
): Record<string, string> {
  const states: Record<string, string> = {}
  for (const { name, targets } of models) {
    for (const { provider, model } of targets) {
      const target = `${provider}/${model || name}`
      states[target] = chooser.stateOf(target, performance.now()).state
    }
  }
  return states
}
