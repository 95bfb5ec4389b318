import { Redaction } from '../redaction/redaction.ts'
import type { RedactionSettings } from '../redaction/settings.ts'
import { judgeContent, type ContentAnswer, type ContentQuestion } from './judge-content.ts'

// The thread that looks through large content. Questions come in, answers go out in the same order.

declare const self: Worker

/** What the thread is told. */
export type InspectionRequest =
  | { readonly kind: 'configure'; readonly settings: RedactionSettings }
  | { readonly kind: 'judge'; readonly id: number; readonly question: ContentQuestion }

/** What it answers. */
export type InspectionReply =
  { readonly id: number; readonly answer: ContentAnswer } | { readonly id: number; readonly error: string }

let redaction: Redaction | undefined

self.onmessage = (event: MessageEvent<InspectionRequest>) => {
  const request = event.data
  if (request.kind === 'configure') {
    redaction = new Redaction(request.settings)
    return
  }
  const { id, question } = request
  try {
    reply({ id, answer: judgeContent(question, redaction!) })
  } catch (error) {
    reply({ id, error: error instanceof Error ? error.message : String(error) })
  }
}

function reply(message: InspectionReply): void {
  self.postMessage(message)
}
