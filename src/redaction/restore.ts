import { DeniedValues } from './denied-values.ts'
import type { Detector } from './detectors/detector.ts'
import type { Span } from '../wire/span.ts'
import type { TextRules } from './text-rules.ts'

/**
 * Rules that put back what placeholders stand for: in texts, in JSON within JSON and in streams, wherever redaction put them.
 *
 * @param values by placeholder; every placeholder is in square brackets
 */
export function restoringRules(values: ReadonlyMap<string, string>): TextRules {
  let longest = 0
  for (const placeholder of values.keys()) longest = Math.max(longest, placeholder.length)
  const detector: Detector = {
    name: 'restored',
    type: 'RESTORED',
    match(text) {
      const spans: Span[] = []
      for (let start = text.indexOf('['); start >= 0; start = text.indexOf('[', start + 1)) {
        const placeholder = /^\[[^[\]]*\]/.exec(text.slice(start, start + longest))?.[0]
        if (placeholder === undefined || !values.has(placeholder)) continue
        spans.push({ start, end: start + placeholder.length })
      }
      return spans
    },
    open(text) {
      const start = text.lastIndexOf('[')
      if (start < 0 || text.length - start >= longest || text.includes(']', start)) return text.length
      return start
    },
  }
  return {
    detectors: [detector],
    denied: new DeniedValues([], []),
    placeholders: { of: (_, placeholder) => values.get(placeholder) ?? placeholder },
    hidesUninspectable: false,
  }
}
