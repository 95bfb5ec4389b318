/** Parts of a subject's name are encoded, so no value can contain this. The shared backends use it too. */
const COUNTS_INCLUDED = '&included'

/** The subject of budgets that count what subscriptions pay, beside the one that counts what is billed. */
export function includedSubject(subject: string): string {
  return `${subject}${COUNTS_INCLUDED}`
}

/** Whether a subject is charged the list price of what a subscription pays. */
export function countsIncluded(subject: string): boolean {
  return subject.endsWith(COUNTS_INCLUDED)
}
