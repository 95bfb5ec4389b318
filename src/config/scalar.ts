import { shownValue } from '../redaction/shown-value.ts'

/** A scalar read, or what would have been one: `a whole number`. */
export type Scalar<T> = { readonly value: T } | { readonly expected: string }

const WHOLE_NUMBER = { expected: 'a whole number' }
const NUMBER = { expected: 'a number' }
const BOOLEAN = { expected: 'true or false' }

const INTEGER = /^[-+]?(0x[0-9a-fA-F_]+|0o[0-7_]+|0b[01_]+|0[0-7_]*|[1-9][0-9_]*)$/
const DECIMAL = /^[-+]?(\d[\d_]*)?\.?\d*([eE][-+]?\d+)?$/
const TRUE = new Set(['true', 'True', 'TRUE'])
const FALSE = new Set(['false', 'False', 'FALSE'])
const YES = new Set(['y', 'Y', 'yes', 'Yes', 'YES', 'on', 'On', 'ON'])
const NO = new Set(['n', 'N', 'no', 'No', 'NO', 'off', 'Off', 'OFF'])

/**
 * Reads an integer as the original's YAML library does: decimal, `0x`, `0o`, `0b`, legacy octal, underscores,
 * and floats truncated toward zero. Quoted numbers are refused.
 */
export function yamlInteger(text: string, quoted: boolean): Scalar<number> {
  if (quoted) return WHOLE_NUMBER
  if (INTEGER.test(text)) {
    const digits = text.replaceAll('_', '').replace(/^\+/, '')
    const negative = digits.startsWith('-')
    const magnitude = negative ? digits.slice(1) : digits
    const octal = /^0[0-7]+$/.test(magnitude)
    const value = Number.parseInt(
      octal ? magnitude : magnitude.replace(/^0[xob]/, ''),
      octal || magnitude.startsWith('0o')
        ? 8
        : magnitude.startsWith('0x')
          ? 16
          : magnitude.startsWith('0b')
            ? 2
            : 10,
    )
    return checkSafe(negative ? -value : value)
  }
  if (text !== '' && DECIMAL.test(text) && /\d/.test(text)) {
    return checkSafe(Math.trunc(Number(text.replaceAll('_', ''))))
  }
  return WHOLE_NUMBER
}

/** Reads a float; integers and `.inf` forms count, quoted numbers and `.nan` do not. */
export function yamlFloat(text: string, quoted: boolean): Scalar<number> {
  if (!quoted && text !== '' && DECIMAL.test(text) && /\d/.test(text)) {
    return { value: Number(text.replaceAll('_', '')) }
  }
  if (!quoted && /^[-+]?\.(inf|Inf|INF)$/.test(text)) {
    return { value: text.startsWith('-') ? -Infinity : Infinity }
  }
  return NUMBER
}

/** Reads a boolean: `true`/`false` unquoted, the YAML 1.1 words (`yes`, `on`, `n`, …) quoted or not. */
export function yamlBoolean(text: string, quoted: boolean): Scalar<boolean> {
  if (!quoted && TRUE.has(text)) return { value: true }
  if (!quoted && FALSE.has(text)) return { value: false }
  if (YES.has(text)) return { value: true }
  if (NO.has(text)) return { value: false }
  return BOOLEAN
}

/** Reads an environment integer: optional sign, decimal digits, nothing else. */
export function environmentInteger(text: string): Scalar<number> {
  return /^[-+]?\d+$/.test(text) ? checkSafe(Number(text)) : WHOLE_NUMBER
}

/** Reads an environment boolean: `1 t T TRUE true True` and their opposites. */
export function environmentBoolean(text: string): Scalar<boolean> {
  if (['1', 't', 'T', 'TRUE', 'true', 'True'].includes(text)) return { value: true }
  if (['0', 'f', 'F', 'FALSE', 'false', 'False'].includes(text)) return { value: false }
  return BOOLEAN
}

/** Reads an environment float; `NaN` is refused. */
export function environmentFloat(text: string): Scalar<number> {
  if (/^[-+]?(inf|infinity)$/i.test(text)) return { value: text.startsWith('-') ? -Infinity : Infinity }
  if (/^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$/.test(text)) return { value: Number(text) }
  return NUMBER
}

/**
 * A value as messages show it: in double quotes, `"`, `\` and control characters escaped, and without credentials
 * (`shown-value.ts`).
 */
export function quote(text: string): string {
  return `"${shownValue(text).replace(/["\\\u0000-\u001f\u007f]/g, (c) => {
    if (c === '"' || c === '\\') return `\\${c}`
    if (c === '\n') return '\\n'
    if (c === '\t') return '\\t'
    if (c === '\r') return '\\r'
    return `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`
  })}"`
}

function checkSafe(value: number): Scalar<number> {
  if (Number.isSafeInteger(value)) return { value }
  const [least, most] = [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER]
  return { expected: `a whole number ${value > 0 ? `up to ${most}` : `from ${least} on`}` }
}
