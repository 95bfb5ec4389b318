import { judgeBody, type BodyVerdict } from '../redaction/bodies.ts'
import { ReversiblePlaceholders } from '../redaction/placeholders.ts'
import type { Redaction } from '../redaction/redaction.ts'
import type { TimeBudget } from '../redaction/time-budget.ts'

/** Content that a policy must see before it goes on. */
export interface ContentQuestion {
  readonly bytes: Uint8Array
  /** As declared, with its parameters; empty for none. */
  readonly mediaType: string
  readonly organizationId: string
  readonly workspaceId: string
  /** What is replaced is to be put back in the answer. */
  readonly reversible: boolean
}

/** What a policy says of content. */
export interface ContentAnswer {
  readonly verdict: BodyVerdict
  /** What placeholders stand for, when they are to be put back. */
  readonly values: readonly (readonly [placeholder: string, value: string])[]
}

/** Looks through content as a policy wants it. @throws OutOfTimeError */
export function judgeContent(
  question: ContentQuestion,
  redaction: Redaction,
  budget: TimeBudget,
): ContentAnswer {
  const { bytes, mediaType, reversible } = question
  const rules = { ...redaction.rulesOf(question), budget }
  if (!reversible) return { verdict: judgeBody(bytes, mediaType, rules), values: [] }
  const placeholders = new ReversiblePlaceholders(Buffer.from(bytes).toString('latin1'))
  const verdict = judgeBody(bytes, mediaType, { ...rules, placeholders })
  return { verdict, values: placeholders.values() }
}
