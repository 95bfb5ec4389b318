import { wireApiNamed } from '../providers/registry.ts'
import type { CountTokens, Encoding } from '../usage/estimate.ts'
import type { ContentReading } from '../traces/content-reading.ts'
import type { Exchange } from '../traces/exchange.ts'
import type { Trace } from '../traces/trace.ts'
import { Tokenizers } from './tokenizers.ts'
import { TraceBuilder, type BuilderSettings } from './trace-builder.ts'

// The builder thread: builds slow traces, one after another. However long it takes, no other trace waits for it.

declare const self: Worker

/** A content reading as it crosses between threads: without the functions of its API. */
export type ReadContent = Omit<ContentReading, 'api'>

/** Requests to the thread. */
export type BuilderRequest =
  | { readonly kind: 'configure'; readonly settings: BuilderSettings }
  | {
      readonly kind: 'build'
      readonly exchange: Exchange
      readonly content: ReadContent
      /** The vocabulary to count with; `undefined` when there is nothing to count. */
      readonly encoding: Encoding | undefined
    }

/** Its replies, one for each `build`. `error` is the error's name. */
export type BuilderReply = { readonly trace: Trace } | { readonly error: string }

const tokenizers = new Tokenizers()
let builder: TraceBuilder | undefined
let turn = Promise.resolve()

self.onmessage = (event: MessageEvent<BuilderRequest>) => {
  turn = turn.then(() => take(event.data))
}

async function take(request: BuilderRequest): Promise<void> {
  if (request.kind === 'configure') {
    builder = new TraceBuilder(request.settings)
    return
  }
  try {
    const { exchange, content, encoding } = request
    if (encoding) await tokenizers.load(encoding)
    const reading = { ...content, api: wireApiNamed(exchange.wire.api) }
    const count: CountTokens = (name, text) => (encoding ? tokenizers.count(name, text) : undefined)
    reply({ trace: builder!.build(exchange, reading, count) })
  } catch (error) {
    // Its message may hold content.
    reply({ error: error instanceof Error ? error.name : 'error' })
  }
}

function reply(message: BuilderReply): void {
  self.postMessage(message)
}
