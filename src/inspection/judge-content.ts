import { judgeBody, type BodyVerdict } from '../redaction/bodies.ts'
import { ReversiblePlaceholders } from '../redaction/placeholders.ts'
import type { Redaction } from '../redaction/redaction.ts'

/** Content that a policy must see before it goes on. */
export interface ContentQuestion {
  readonly bytes: Uint8Array
  /** The `Content-Type` field as declared; empty for none. */
  readonly contentType: string
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

/** Looks through content as a policy wants it. Pure, but for the time it takes. */
export function judgeContent(question: ContentQuestion, redaction: Redaction): ContentAnswer {
  const { bytes, contentType, reversible } = question
  const rules = redaction.rulesOf(question)
  if (!reversible) return { verdict: judgeBody(bytes, contentType, rules), values: [] }
  const placeholders = new ReversiblePlaceholders(Buffer.from(bytes).toString('latin1'))
  const verdict = judgeBody(bytes, contentType, { ...rules, placeholders })
  return { verdict, values: placeholders.values() }
}
