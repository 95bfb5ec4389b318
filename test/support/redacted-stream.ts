import { EventFraming } from '../../src/wire/framing/event-framing.ts'
import type { Framing } from '../../src/wire/framing/event-pieces.ts'
import { EventRedactor } from '../../src/redaction/event-redactor.ts'
import { writeText } from '../../src/wire/text-bytes.ts'
import type { TextRules } from '../../src/redaction/text-rules.ts'

/** A stream, given in pieces, as it comes out of redaction. */
export function through(pieces: readonly Uint8Array[], rules: TextRules, framing: Framing = 'sse'): Buffer {
  const events = new EventFraming(framing)
  const redactor = new EventRedactor(rules)
  const out: Uint8Array[] = []
  for (const piece of pieces) {
    for (const event of events.write(piece)) {
      for (const { text, utf8 } of redactor.take(event)) out.push(writeText(text, utf8))
    }
  }
  const last = [...events.end().flatMap((event) => redactor.take(event)), ...redactor.end()]
  for (const { text, utf8 } of last) out.push(writeText(text, utf8))
  return Buffer.concat(out)
}
