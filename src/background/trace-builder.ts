import { Redaction } from '../redaction/redaction.ts'
import type { CountTokens } from '../usage/estimate.ts'
import { PriceList } from '../usage/price-list.ts'
import { buildTrace, type TracePolicy } from '../traces/build-trace.ts'
import type { ContentReading } from '../traces/content-reading.ts'
import type { Exchange } from '../traces/exchange.ts'
import type { RecorderSettings } from './protocol.ts'
import type { Trace } from '../traces/trace.ts'

/** What of the settings decides how traces are built. */
export type BuilderSettings = Pick<
  RecorderSettings,
  'redaction' | 'pricing' | 'maskedRequestFields' | 'maskedResponseFields' | 'setCredentials'
>

/** Builds traces by the settings: prices, masks, redaction. */
export class TraceBuilder {
  readonly #policy: Omit<TracePolicy, 'countTokens'>

  constructor(settings: BuilderSettings) {
    const prices = new PriceList(settings.pricing)
    this.#policy = {
      redaction: new Redaction(settings.redaction),
      maskedRequestFields: settings.maskedRequestFields,
      maskedResponseFields: settings.maskedResponseFields,
      setCredentials: settings.setCredentials,
      findRates: (query) => prices.find(query),
    }
  }

  /** @param countTokens by default, tokens that are not reported are estimated by the length of their text */
  build(exchange: Exchange, content: ContentReading, countTokens: CountTokens = () => undefined): Trace {
    return buildTrace(exchange, content, { ...this.#policy, countTokens })
  }
}
