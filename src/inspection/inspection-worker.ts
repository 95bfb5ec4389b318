import { Redaction } from '../redaction/redaction.ts'
import type { RedactionSettings } from '../redaction/settings.ts'
import { TimeBudget } from '../redaction/time-budget.ts'
import { judgeContent, type InspectionResult, type InspectionContent } from './judge-content.ts'

// A thread that inspects content, one at a time. Each gets one result.

declare const self: Worker

/** Requests to the thread. */
export type InspectionRequest =
  | { readonly kind: 'configure'; readonly settings: RedactionSettings; readonly budgetMs: number }
  | { readonly kind: 'judge'; readonly content: InspectionContent }

/** Its replies. */
export type InspectionReply = { readonly result: InspectionResult } | { readonly error: string }

let redaction: Redaction | undefined
let budgetMs = 0

self.onmessage = (event: MessageEvent<InspectionRequest>) => {
  const request = event.data
  if (request.kind === 'configure') {
    redaction = new Redaction(request.settings)
    budgetMs = request.budgetMs
    return
  }
  try {
    const budget = new TimeBudget(budgetMs, () => performance.now())
    reply({ result: judgeContent(request.content, redaction!, budget) })
  } catch (error) {
    reply({ error: error instanceof Error ? error.message : String(error) })
  }
}

function reply(message: InspectionReply): void {
  self.postMessage(message)
}
