/**
 * What a key's reads cover: its own workspace, or every workspace of its organization. What is sent to providers with it belongs to
 * its own workspace either way.
 */
export type KeyScope = 'workspace' | 'organization'

/** Every scope there is. */
export const KEY_SCOPES: readonly KeyScope[] = ['workspace', 'organization']

/** Whether a text is the name of a scope. */
export function isKeyScope(text: string): text is KeyScope {
  return (KEY_SCOPES as readonly string[]).includes(text)
}
