import type { Trace } from '../traces/trace.ts'

/** Texts that come from clients and providers and become columns. */
const FOREIGN = [
  'traceGroupId',
  'threadId',
  'runId',
  'requestedModel',
  'model',
  'requestMethod',
  'requestPath',
  'finishReason',
  'upstreamRequestId',
  'correlationId',
  'sessionId',
  'endUser',
  'client',
  'clientVersion',
  'agent',
  'project',
] as const satisfies readonly (keyof Trace)[]

const UNSTORABLE = /[\0\ud800-\udfff]/

/**
 * A trace whose columns every database takes and gives back the same: NUL and halves of surrogate pairs in them become
 * U+FFFD. Bodies are bytes and keep everything.
 */
export function storable(trace: Trace): Trace {
  const changed: Partial<Record<(typeof FOREIGN)[number], string>> = {}
  for (const name of FOREIGN) {
    if (UNSTORABLE.test(trace[name])) changed[name] = clean(trace[name])
  }
  const tags = Object.entries(trace.tags)
  const bad = tags.some(([key, value]) => UNSTORABLE.test(key) || UNSTORABLE.test(value))
  if (!bad && Object.keys(changed).length === 0) return trace
  return {
    ...trace,
    ...changed,
    tags: bad ? Object.fromEntries(tags.map(([key, value]) => [clean(key), clean(value)])) : trace.tags,
  }
}

function clean(text: string): string {
  return text.replaceAll('\0', '\ufffd').toWellFormed()
}
