import { rmSync } from 'node:fs'
import { analytics } from './analytics.ts'
import { bodies } from './bodies.ts'
import { compare } from './compare.ts'
import { failover } from './failover.ts'
import { keyTiming } from './key-timing.ts'
import { limits } from './limits.ts'
import { oneTarget } from './one-target.ts'
import { overhead } from './overhead.ts'
import { RUN_FOLDER } from './peers.ts'
import { recorder } from './recorder.ts'
import { redaction } from './redaction.ts'
import { requestFacts } from './request-facts.ts'
import { startup } from './startup.ts'
import { streaming } from './streaming.ts'
import { telemetry } from './telemetry.ts'
import { withUnit } from './unit.ts'
import { benchUsage } from './usage.ts'

const benches: Readonly<Record<string, () => Promise<void> | void>> = {
  overhead,
  streaming,
  startup,
  recorder,
  limits,
  telemetry,
  failover,
  'one-target': oneTarget,
  'request-facts': () => withUnit(requestFacts),
  'key-timing': () => withUnit(keyTiming),
  usage: () => withUnit(benchUsage),
  bodies: () => withUnit(bodies),
  redaction: () => withUnit(redaction),
  analytics: () => withUnit(analytics),
}
/** Only when it is named: it makes a database of gigabytes. */
const LARGE = 'analytics'

process.once('exit', () => rmSync(RUN_FOLDER, { recursive: true, force: true }))

const wanted = process.argv.slice(2)
if (wanted[0] === 'compare') {
  await compare(wanted.slice(1))
} else {
  for (const name of wanted.length > 0 ? wanted : Object.keys(benches).filter((one) => one !== LARGE)) {
    const bench = benches[name]
    if (!bench)
      throw new Error(`unknown bench ${name}; there are compare, ${Object.keys(benches).join(', ')}`)
    console.log(`\n== ${name}`)
    await bench()
  }
}
