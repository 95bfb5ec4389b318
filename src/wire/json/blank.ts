/** Whether a byte is white space of JSON. @param byte `undefined` behind the end */
export function isBlank(byte: number | undefined): boolean {
  return byte === 32 || byte === 10 || byte === 13 || byte === 9
}
