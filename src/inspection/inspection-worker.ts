import { Redaction } from '../redaction/redaction.ts'
import type { RedactionSettings } from '../redaction/settings.ts'
import { TimeBudget } from '../redaction/time-budget.ts'
import { judgeContent, type InspectionResult, type InspectionContent } from './judge-content.ts'

// A thread that looks through content: one question at a time, one answer to each.

declare const self: Worker

/** What the thread is told. */
export type InspectionRequest =
  | { readonly kind: 'configure'; readonly settings: RedactionSettings; readonly budgetMs: number }
  | { readonly kind: 'judge'; readonly question: InspectionContent }

/** What it answers. */
export type InspectionReply = { readonly answer: InspectionResult } | { readonly error: string }

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
    reply({ answer: judgeContent(request.question, redaction!, budget) })
  } catch (error) {
    reply({ error: error instanceof Error ? error.message : String(error) })
  }
}

function reply(message: InspectionReply): void {
  self.postMessage(message)
}
