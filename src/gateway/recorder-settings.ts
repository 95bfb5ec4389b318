import type { RecorderSettings } from '../background/protocol.ts'
import type { Config } from '../config/config.ts'
import type { RedactionSettings } from '../redaction/settings.ts'
import { setCredentials } from '../traces/provider-credential.ts'

/**
 * The settings of the recorder.
 *
 * @param redaction those of the configuration, with their key
 * @param heldValues the credentials that the gateway holds
 */
export function recorderSettings(
  { providers, tracing, storage, retention, pii, pricing, auth, telemetry }: Config,
  redaction: RedactionSettings,
  heldValues: readonly string[],
): RecorderSettings {
  return {
    storage,
    retention,
    journalPath: tracing.journal.path,
    journalMaxBytes: tracing.journal.maxBytes,
    queueMaxBytes: tracing.queueMaxBytes,
    flushIntervalMs: tracing.flushIntervalMs,
    captureBodies: tracing.captureBodies,
    bodyMaxSize: tracing.bodyMaxSize,
    redaction,
    telemetry,
    maskedRequestFields: pii.maskedRequestFields,
    maskedResponseFields: pii.maskedResponseFields,
    setCredentials: [...setCredentials(providers), ...heldValues],
    pricing,
    watchKeys: auth.enabled,
  }
}
