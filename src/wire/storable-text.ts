/** Whether every database takes a text and gives it back the same: it holds neither NUL nor half of a surrogate pair. */
export function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0')
}

/** A text that every database takes: NUL and halves of surrogate pairs become U+FFFD. */
export function storableText(text: string): string {
  return isStorable(text) ? text : text.replaceAll('\0', '\ufffd').toWellFormed()
}
