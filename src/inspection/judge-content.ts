import { judgeBody, type BodyVerdict } from '../redaction/bodies.ts'
import { ReversiblePlaceholders } from '../redaction/placeholders.ts'
import type { Redaction } from '../redaction/redaction.ts'
import { restoringRules } from '../redaction/restore.ts'
import type { TextRules } from '../redaction/text-rules.ts'
import type { TimeBudget } from '../redaction/time-budget.ts'

/** Content that a policy must see before it goes on. */
export interface InspectionContent {
  readonly bytes: Uint8Array
  /** As declared, with its parameters; empty for none. */
  readonly mediaType: string
  readonly organizationId: string
  readonly workspaceId: string
  /** What is replaced is to be put back in the response. */
  readonly reversible: boolean
  /** Placeholders that are only to be put back, whatever else the content holds; absent where a policy looks at it. */
  readonly restore?: InspectionResult['values']
}

/** What a policy says of content. */
export interface InspectionResult {
  /** Without edits: there may be as many as the content has characters, and they would have to be copied between threads. */
  readonly verdict: BodyVerdict
  /** What placeholders stand for, when they are to be put back. */
  readonly values: readonly (readonly [placeholder: string, value: string])[]
}

/** Looks through content as a policy wants it. @throws OutOfTimeError */
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
