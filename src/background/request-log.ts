import { CoalescingTimer } from '../time/coalescing-timer.ts'
import type { Exchange } from '../traces/exchange.ts'
import type { Trace } from '../traces/trace.ts'

/** How long lines wait to be handed over together. */
const FLUSH_MS = 50

/** Requests a second that have a line each; beyond that those that went well are only counted. */
const MAX_PER_SECOND = 1000

/**
 * The line `request complete` of every exchange, made where its tokens and its cost are known. While requests come in floods, lines of
 * those that went well are left out and counted.
 */
export class RequestLog {
  readonly #hand: (lines: readonly string[], leftOut: number) => void
  #lines: string[] = []
  readonly #timer = new CoalescingTimer(() => this.flush())
  #second = -1
  #thisSecond = 0
  #leftOut = 0

  /** @param hand takes the fields of lines, each as a JSON object, and how many lines were left out */
  constructor(hand: (lines: readonly string[], leftOut: number) => void) {
    this.#hand = hand
  }

  /** Adds the line of an exchange. */
  add(exchange: Exchange, trace: Trace): void {
    const second = Math.floor(Date.now() / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#thisSecond = 0
    }
    this.#thisSecond += 1
    if (this.#thisSecond > MAX_PER_SECOND && exchange.status < 400 && trace.outcome === 'completed') {
      this.#leftOut += 1
    } else this.#lines.push(fieldsOf(exchange, trace))
    this.#timer.arm(FLUSH_MS)
  }

  /** Hands over the waiting lines. */
  flush(): void {
    this.#timer.cancel()
    if (this.#lines.length === 0 && this.#leftOut === 0) return
    this.#hand(this.#lines.splice(0), this.#leftOut)
    this.#leftOut = 0
  }
}

function fieldsOf(exchange: Exchange, trace: Trace): string {
  const { caller, span } = exchange
  const shown = span?.context.sampled ? span.context : undefined
  // JSON leaves out what is undefined.
  return JSON.stringify({
    correlation_id: exchange.correlationId,
    record_id: exchange.id,
    method: exchange.method,
    path: trace.requestPath,
    status: exchange.status,
    latency_ms: Math.round(exchange.completedUs / 1000),
    outcome: trace.outcome,
    error_code: trace.errorCode === '' ? undefined : trace.errorCode,
    provider_error: trace.providerError === '' ? undefined : trace.providerError,
    provider: trace.provider,
    ...(trace.attempts > 1 ? { attempts: trace.attempts, target: trace.target } : {}),
    model: trace.model,
    org_id: caller.organizationId,
    workspace_id: caller.workspaceId,
    key_id: caller.keyId === '' ? undefined : caller.keyId,
    input_tokens: trace.inputTokens,
    output_tokens: trace.outputTokens,
    usage_source: trace.usageSource,
    cost_usd: usdOf(trace.costNanoUsd),
    cost_status: trace.costStatus,
    list_price_usd: usdOf(trace.listPriceNanoUsd),
    trace_id: shown?.traceId,
    span_id: shown?.spanId,
  })
}

function usdOf(nanoUsd: number | null): number | undefined {
  return nanoUsd === null ? undefined : nanoUsd / 1e9
}
