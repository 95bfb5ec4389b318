/** Where an exchange stands in a trace: its own span, and whose child that is. */
export interface TraceContext {
  /** 32 lower-case hexadecimal digits. */
  readonly traceId: string
  /** 16 lower-case hexadecimal digits: the exchange's span. */
  readonly spanId: string
  /** The caller's span; empty when the trace begins here. */
  readonly parentSpanId: string
  /** As it came, its last entries left out where it is too long; empty for none. */
  readonly traceState: string
  /** The spans are exported. */
  readonly sampled: boolean
}

/** Longest `tracestate` that is passed on. @see https://www.w3.org/TR/trace-context/#tracestate-limits */
const MAX_TRACE_STATE = 512

interface Remote {
  readonly traceId: string
  readonly parentSpanId: string
  readonly sampled: boolean
}

/**
 * Reads a `traceparent`.
 *
 * @returns `undefined` for none, and for one that is not valid
 * @see https://www.w3.org/TR/trace-context/#traceparent-header
 */
export function readTraceParent(field: string | undefined): Remote | undefined {
  if (field === undefined) return undefined
  const match = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/.exec(field.trim())
  if (!match) return undefined
  const [, version, traceId, parentSpanId, flags, more] = match
  if (version === 'ff' || (version === '00' && more !== undefined)) return undefined
  if (/^0+$/.test(traceId!) || /^0+$/.test(parentSpanId!)) return undefined
  return { traceId: traceId!, parentSpanId: parentSpanId!, sampled: (Number.parseInt(flags!, 16) & 1) === 1 }
}

/**
 * Tells an upstream the trace, in place of what its caller sent.
 *
 * @param fields lower-case names; `traceparent` and `tracestate` are set, the latter removed where the trace has none
 * @param spanId the client span: what the upstream does is its child
 * @see https://www.w3.org/TR/trace-context/#mutating-the-traceparent-field
 */
export function injectTraceParent(
  fields: Record<string, string>,
  { traceId, traceState, sampled }: TraceContext,
  spanId: string,
): void {
  fields['traceparent'] = `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`
  if (traceState === '') delete fields['tracestate']
  else fields['tracestate'] = traceState
}

/**
 * Begins traces: a caller's decision holds, but no more than so many a second can be kept by callers alone; what begins here is kept by
 * a ratio of trace ids.
 */
export class TraceSampler {
  readonly #ratio: number
  readonly #maxForced: number
  #second = -1
  #forced = 0

  constructor(ratio: number, maxForcedPerSecond: number) {
    this.#ratio = Math.min(1, Math.max(0, ratio))
    this.#maxForced = maxForcedPerSecond
  }

  /** Begins the span of an exchange. @param fields lower-case names @param nowMs milliseconds of any clock */
  begin(fields: Readonly<Record<string, string>>, nowMs: number): TraceContext {
    const remote = readTraceParent(fields['traceparent'])
    const traceId = remote?.traceId ?? randomHex(16)
    const traceState = remote ? shortened(fields['tracestate'] ?? '') : ''
    const inRatio = this.#isInRatio(traceId)
    const sampled = remote ? remote.sampled && (inRatio || this.#mayForce(nowMs)) : inRatio
    return { traceId, spanId: randomHex(8), parentSpanId: remote?.parentSpanId ?? '', traceState, sampled }
  }

  #mayForce(nowMs: number): boolean {
    const second = Math.floor(nowMs / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#forced = 0
    }
    this.#forced += 1
    return this.#forced <= this.#maxForced
  }

  /** By the last 56 bits of the id, as OpenTelemetry has it. @see https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/ */
  #isInRatio(traceId: string): boolean {
    if (this.#ratio >= 1) return true
    return Number.parseInt(traceId.slice(-14), 16) / 2 ** 56 >= 1 - this.#ratio
  }
}

/** Whole entries only: half of one would be another vendor's nonsense. */
function shortened(traceState: string): string {
  if (traceState.length <= MAX_TRACE_STATE) return traceState
  return traceState.slice(0, Math.max(0, traceState.lastIndexOf(',', MAX_TRACE_STATE)))
}

/** Random bytes in hexadecimal, never all zero. */
export function randomHex(bytes: number): string {
  const random = crypto.getRandomValues(new Uint8Array(bytes))
  if (random.every((byte) => byte === 0)) random[0] = 1
  return random.toHex()
}
