/** A member of a JSON object that is left out when its text is empty: spread it into the object. */
export function given(name: string, value: string): Readonly<Record<string, string>> {
  return value === '' ? {} : { [name]: value }
}

/** A body as a member, left out when there is none. Bytes that are not UTF-8 are shown as U+FFFD. */
export function givenBody(name: string, bytes: Uint8Array | null): Readonly<Record<string, string>> {
  return bytes ? given(name, Buffer.from(bytes).toString('utf8')) : {}
}
