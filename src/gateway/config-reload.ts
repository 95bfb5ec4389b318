import type { Config } from '../config/config.ts'
import { openCredentials } from '../config/validate-credentials.ts'
import type { FiledTable } from '../usage/price-table.ts'
import { configChanges, withFixedSettings, type ConfigChanges } from './config-changes.ts'
import { openWarnings } from './open-start.ts'
import type { Parts } from './parts.ts'
import { PriceFileWatch } from './price-file-watch.ts'
import { recorderSettings } from './recorder-settings.ts'
import { keyedRedaction } from './redaction-key.ts'
import type { Service } from './service.ts'

/** Takes over what changes while the gateway runs: another configuration, another price list in the operator's file. */
export class ConfigReload implements Service {
  readonly name = 'price file'
  readonly #parts: Parts
  readonly #priceFile: PriceFileWatch

  constructor(parts: Parts) {
    this.#parts = parts
    this.#priceFile = new PriceFileWatch({
      changed: (list) => void this.#takePriceList(list),
      refused: (file, error) =>
        parts.log('ERROR', 'price list not reloaded; the old one stays in force', { file, error }),
    })
  }

  start(): void {
    const { file, list } = this.#parts.live.config.pricing
    this.#priceFile.follow(file, list?.sha256 ?? '')
  }

  stop(): void {
    this.#priceFile.stop()
  }

  /**
   * Takes over a configuration, except settings that need a restart.
   *
   * @throws Error when its keys or the redaction key cannot be used
   */
  async take(next: Config): Promise<ConfigChanges> {
    const { live, keys, credentials, audit, log } = this.#parts
    const { changed, needRestart } = configChanges(live.config, next)
    const config = withFixedSettings(live.config, next)
    requireClosed(config)
    const redaction = keyedRedaction(config)
    await keys.configure(next)
    await credentials.configure(config.providers)
    await live.replace(config, redaction)
    this.start()
    for (const warning of openWarnings(live.config)) log('WARN', warning)
    this.#configureRecorder()
    audit.record({
      actor: 'system',
      action: 'config.reload',
      detail: { changed, ...(needRestart.length > 0 ? { need_restart: needRestart } : {}) },
    })
    return { changed, needRestart }
  }

  async #takePriceList(list: FiledTable): Promise<void> {
    const { live, audit, log } = this.#parts
    await live.replacePriceList(list)
    this.#configureRecorder()
    for (const warning of list.warnings) log('WARN', `pricing.file: ${warning}`)
    const { name, version, date } = list.table
    log('INFO', 'price list reloaded', { name, version, date })
    audit.record({ actor: 'system', action: 'config.reload', detail: { changed: ['pricing.file'] } })
  }

  #configureRecorder(): void {
    const { live, recorder, credentials } = this.#parts
    recorder.configure(recorderSettings(live.config, live.redaction, credentials.revealAll()))
  }
}

/** The listener stays where it is, so settings that need another one cannot be taken over. */
function requireClosed({ server, auth, providers }: Config): void {
  const [problem] = openCredentials(server.host, auth.enabled, providers)
  if (problem) throw new Error(`${problem[1]}; the gateway listens on ${server.host} until it is restarted`)
}
