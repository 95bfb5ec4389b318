import { emptyReading } from '../providers/apis/wire-api.ts'
import type { ContentReading } from './content-reading.ts'
import type { Trace } from './trace.ts'

/** Content from which nothing was read. */
export function unreadContent(api: ContentReading['api']): ContentReading {
  return {
    api,
    requestModel: undefined,
    request: undefined,
    requestMembers: {},
    response: emptyReading(),
    firstTokenUs: -1,
    streamed: false,
    understood: false,
    notes: [],
    requestBody: undefined,
    responseBody: undefined,
  }
}

/** The same content without the bodies that would be stored. */
export function withoutBodies(content: ContentReading): ContentReading {
  return { ...content, requestBody: undefined, responseBody: undefined }
}

/**
 * A trace built without complete work on its content. `metadata.recording_interrupted` and its notes say so, and why.
 *
 * @param trace built from what is known: without bodies, tokens estimated by text length
 * @param content its input; if nothing was read, the cost is unknown for that reason
 */
export function interruptedTrace(trace: Trace, why: string, content: 'read' | 'unread'): Trace {
  const { detail } = trace
  const unknown = content === 'unread' && detail.cost.status === 'unknown'
  return {
    ...trace,
    metadata: { ...trace.metadata, recording_interrupted: why },
    detail: {
      ...detail,
      usage: { ...detail.usage, notes: [...(detail.usage.notes ?? []), `recording was interrupted: ${why}`] },
      cost: unknown ? { ...detail.cost, note: `the answer was not read: ${why}` } : detail.cost,
    },
  }
}
