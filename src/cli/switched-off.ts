import type { Config } from '../config/config.ts'

/** What a gateway with these settings does not do, in words for the banner. Limits of keys in the store are not checked. */
export function switchedOff({ auth, tracing, limits, pii, telemetry }: Config): string[] {
  const limited = limits.policies.length > 0 || auth.keys.some((key) => key.limits.length > 0)
  const observed = telemetry.traces || telemetry.metrics || telemetry.prometheus
  return [
    ...(auth.enabled ? [] : ['gateway keys (anyone who reaches the port may use it)']),
    ...(tracing.captureBodies ? [] : ['body capture']),
    ...(limited ? [] : ['limits']),
    ...(pii.redaction.mode === 'off' ? ['redaction'] : []),
    ...(observed ? [] : ['telemetry']),
  ]
}
