import { analytics } from './analytics.ts'
import { bodies } from './bodies.ts'
import { keyTiming } from './key-timing.ts'
import { limits } from './limits.ts'
import { overhead } from './overhead.ts'
import { recorder } from './recorder.ts'
import { redaction } from './redaction.ts'
import { requestFacts } from './request-facts.ts'
import { startup } from './startup.ts'
import { streaming } from './streaming.ts'
import { telemetry } from './telemetry.ts'
import { benchUsage } from './usage.ts'

const benches: Readonly<Record<string, () => Promise<void> | void>> = {
  overhead,
  streaming,
  startup,
  'request-facts': requestFacts,
  recorder,
  limits,
  'key-timing': keyTiming,
  usage: benchUsage,
  analytics,
  bodies,
  redaction,
  telemetry,
}
/** Only when it is named: it makes a database of gigabytes. */
const LARGE = 'analytics'

const wanted = process.argv.slice(2)
for (const name of wanted.length > 0 ? wanted : Object.keys(benches).filter((one) => one !== LARGE)) {
  const bench = benches[name]
  if (!bench) throw new Error(`unknown bench ${name}; there are ${Object.keys(benches).join(', ')}`)
  console.log(`\n== ${name}`)
  await bench()
}
