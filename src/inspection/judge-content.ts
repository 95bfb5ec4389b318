import { judgeBody, type BodyVerdict } from '../redaction/bodies.ts'
import { ReversiblePlaceholders } from '../redaction/placeholders.ts'
import type { Redaction } from '../redaction/redaction.ts'
import { restoringRules } from '../redaction/restore.ts'
import type { TextRules } from '../redaction/text-rules.ts'
import type { TimeBudget } from '../redaction/time-budget.ts'

/** Content that a policy must see before it passes. */
export interface InspectionContent {
  readonly bytes: Uint8Array
  /** As declared, with its parameters; empty for none. */
  readonly mediaType: string
  readonly organizationId: string
  readonly workspaceId: string
  /** Replaced values must be restored in the response. */
  readonly reversible: boolean
  /** Placeholders to restore, whatever else the content holds; absent when a policy inspects it. */
  readonly restore?: InspectionResult['values']
}

/** The result of a policy for content. */
export interface InspectionResult {
  /** Without edits: there may be as many as the content has characters, and they would have to be copied between threads. */
  readonly verdict: BodyVerdict
  /** The values of placeholders, if they must be restored. */
  readonly values: readonly (readonly [placeholder: string, value: string])[]
}

/** Judges content by a policy. @throws OutOfTimeError */
export function judgeContent(
  content: InspectionContent,
  redaction: Redaction,
  budget: TimeBudget,
): InspectionResult {
  const { bytes, mediaType, reversible, restore } = content
  const judge = (rules: TextRules): BodyVerdict => {
    const verdict = judgeBody(bytes, mediaType, { ...rules, budget })
    return verdict.kind === 'judged' ? { ...verdict, edits: [] } : verdict
  }
  if (restore) return { verdict: judge(restoringRules(new Map(restore))), values: [] }
  const rules = redaction.rulesOf(content)
  if (!reversible) return { verdict: judge(rules), values: [] }
  const placeholders = new ReversiblePlaceholders(Buffer.from(bytes).toString('latin1'))
  return { verdict: judge({ ...rules, placeholders }), values: placeholders.values() }
}
