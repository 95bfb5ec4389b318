import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const FOLDER = join(import.meta.dir, '../fixtures/recorded')

/** A request to an LLM API, its recorded response, and what the gateway must read from it. */
export interface Recorded {
  readonly name: string
  readonly provider: string
  readonly api: string
  readonly request: {
    readonly method: string
    readonly path: string
    readonly model?: string
    readonly stream?: boolean
    readonly body?: Record<string, unknown>
  }
  readonly response: {
    readonly status: number
    readonly headers: Record<string, string>
    readonly encoding: string
    readonly body: string
    readonly framing: string
  }
  readonly expected: Expected
}

/** What a trace of the exchange must say. `usage` is null where the response reports none. */
export interface Expected {
  readonly model?: string | null
  readonly metered: boolean
  readonly usage: (Record<string, number | null> & { units?: Record<string, number> }) | null
  readonly alternatives?: Record<string, number[]>
  readonly complete?: boolean
  readonly service_tier?: string
  readonly speed?: string
  readonly inference_geo?: string
  readonly provider_cost_usd?: number
  readonly upstream_cost_usd?: number
  /** The caller's own key was used: its provider bills the upstream's cost beside the router's. */
  readonly is_byok?: boolean
  readonly requests?: Record<string, number>
  readonly lines?: readonly {
    readonly model: string
    readonly in_usage: boolean
    readonly billed: boolean | null
    readonly input_tokens: number
    readonly output_tokens: number
  }[]
  readonly responses?: readonly { readonly kind: string; readonly model?: string; readonly units?: object }[]
}

/** All of `test/fixtures/recorded`, by name. */
export function recordedExchanges(): Recorded[] {
  return readdirSync(FOLDER)
    .filter((name) => /\.json(\.gz)?$/.test(name))
    .sort()
    .map((name) => {
      const bytes = Uint8Array.from(readFileSync(join(FOLDER, name)))
      const text = Buffer.from(name.endsWith('.gz') ? Bun.gunzipSync(bytes) : bytes).toString('utf8')
      return JSON.parse(text) as Recorded
    })
}

/** The content of the response, without a content coding. */
export function contentOf({ response }: Recorded): Buffer {
  return Buffer.from(response.body, response.encoding === 'base64' ? 'base64' : 'utf8')
}
