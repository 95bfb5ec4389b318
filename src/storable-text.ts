/** What not every database takes as text: NUL, and halves of surrogate pairs. */
const UNSTORABLE = /[\0\p{Surrogate}]/u

/** Whether every database takes a text and gives it back the same. */
export function isStorable(text: string): boolean {
  return !UNSTORABLE.test(text)
}

/** A text that every database takes: NUL and halves of surrogate pairs become U+FFFD. */
export function storableText(text: string): string {
  return isStorable(text) ? text : text.replaceAll('\0', '\ufffd').toWellFormed()
}
