/** What is done with matches: in requests, in responses, and in stored copies. */
export interface RedactionMode {
  /** As configured: `off`, or actions joined by `+`. */
  readonly name: string
  readonly request: 'pass' | 'redact' | 'block'
  readonly response: 'pass' | 'redact' | 'block'
  /** Stored copies are redacted. */
  readonly storage: boolean
}

/** The modes of the contract, and those for responses. Every one but `off` redacts stored copies. */
export const MODES = [
  'off',
  'redact_storage',
  'redact_upstream',
  'block',
  'redact_response',
  'block_response',
]

/**
 * Reads a mode. One for requests and one for responses may be joined: `redact_upstream+redact_response`.
 *
 * @returns `undefined` for what is none
 */
export function readMode(text: string): RedactionMode | undefined {
  const name = text.trim().toLowerCase().replaceAll(' ', '')
  if (name === 'off') return { name, request: 'pass', response: 'pass', storage: false }
  let mode: RedactionMode = { name, request: 'pass', response: 'pass', storage: true }
  for (const part of name.split('+')) {
    if (!MODES.includes(part) || part === 'off') return undefined
    const side = part.endsWith('_response') ? 'response' : 'request'
    const action = part.startsWith('block') ? 'block' : 'redact'
    if (part === 'redact_storage') continue
    if (mode[side] !== 'pass') return undefined
    mode = { ...mode, [side]: action }
  }
  return mode
}
