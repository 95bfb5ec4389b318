import type { Span } from '../../wire/span.ts'
import { isDigit, trailingRun, type Detector } from './detector.ts'

const FORM = /\b(\d{3})-(\d{2})-(\d{4})\b/g

/**
 * US social security numbers and taxpayer numbers, written with hyphens. Numbers that are never given out are none.
 *
 * @see https://www.ssa.gov/employer/randomizationfaqs.html
 */
export const ssn: Detector = {
  name: 'ssn',
  type: 'SSN',
  match(text) {
    const spans: Span[] = []
    FORM.lastIndex = 0
    for (let match = FORM.exec(text); match; match = FORM.exec(text)) {
      const [whole, area, group, serial] = match
      const given = area !== '000' && area !== '666' && group !== '00' && serial !== '0000'
      if (given) spans.push({ start: match.index, end: match.index + whole.length })
    }
    return spans
  },
  open: (text) => trailingRun(text, (code) => code === 45 || isDigit(code), isDigit, 11),
}
