/**
 * Decodes the content of a multipart body's part.
 *
 * @param encoding of `Content-Transfer-Encoding`, lower-case; empty for none
 * @returns the same object where nothing is encoded; `undefined` for what is not in that encoding, or in one that is not known
 * @see https://www.rfc-editor.org/rfc/rfc2045#section-6
 */
export function decodeTransfer(content: Uint8Array, encoding: string): Uint8Array | undefined {
  switch (encoding) {
    case '':
    case '7bit':
    case '8bit':
    case 'binary':
      return content
    case 'base64': {
      const text = Buffer.from(content).toString('latin1')
      return /^[A-Za-z0-9+/\s]*(?:={1,2}\s*)?$/.test(text) ? Buffer.from(text, 'base64') : undefined
    }
    case 'quoted-printable':
      return quotedPrintable(Buffer.from(content).toString('latin1'))
    default:
      return undefined
  }
}

/** Encodes content again in the encoding that it was decoded from. */
export function encodeTransfer(content: Uint8Array, encoding: string): Uint8Array {
  if (encoding === 'base64') {
    return Buffer.from(Buffer.from(content).toString('base64').replaceAll(/.{76}/g, '$&\r\n'))
  }
  const lines = Buffer.from(content).toString('latin1').split('\r\n')
  // A line has at most 76 characters, and does not end within an escape.
  const encoded = lines.map((line) =>
    line
      .replaceAll(/[^\x20-\x3c\x3e-\x7e]| $/g, (character) => `=${hex(character)}`)
      .replaceAll(/.{68,70}(?<!=|=.)(?=.)/g, '$&=\r\n'),
  )
  return Buffer.from(encoded.join('\r\n'), 'latin1')
}

function quotedPrintable(text: string): Uint8Array {
  const said = text
    .replaceAll(/=[ \t]*\r?\n/g, '')
    .replaceAll(/=([0-9A-Fa-f]{2})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
  return Buffer.from(said, 'latin1')
}

function hex(character: string): string {
  return character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')
}
