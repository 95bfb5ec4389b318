import { CoalescingTimer } from './time/coalescing-timer.ts'
import { withoutCredentials } from './redaction/without-credentials.ts'

/** Severity of a log line. */
export type Level = 'INFO' | 'WARN' | 'ERROR'

/** Writes one event with its fields; a text is fields that are a JSON object already. */
export type Log = (level: Level, message: string, fields?: Readonly<Record<string, unknown>> | string) => void

/** Lines wait this long to be written together. */
const FLUSH_MS = 50

/** Unwritten text past which lines are dropped and counted: a reader that hangs must not fill the memory. */
const MAX_WAITING = 4 * 1024 * 1024

/** Where lines go: standard output, or a list in a test. `waiting` is what has not been taken yet, in bytes. */
export interface LogOutput {
  /** @param failed called when the text could not be written: nobody reads it, or there is no room for it */
  write(text: string, failed: () => void): void
  readonly waiting: number
}

/** Standard output without waiting for its reader. */
export const standardOutput: LogOutput = {
  write: (text, failed) => void process.stdout.write(text, (error) => void (error && failed())),
  get waiting() {
    return process.stdout.writableLength
  },
}

/** A logger, and the end of it: `close` writes what waits. */
export interface Logger {
  readonly log: Log
  /** Lines since the start that could not be written. */
  readonly dropped: () => number
  close(): void
}

/** How lines are written. */
export interface LogStyle {
  /** The least that is written. */
  readonly level: Level
  readonly format: 'json' | 'text'
}

const SEVERITY: Readonly<Record<Level, number>> = { INFO: 0, WARN: 1, ERROR: 2 }

/** One JSON object per line: `time`, `level`, `msg`, then the fields in the order given; or the same as words. */
export function openLog(output: LogOutput, style: LogStyle = { level: 'INFO', format: 'json' }): Logger {
  const line = style.format === 'json' ? jsonLine : textLine
  let lines: string[] = []
  let dropped = 0
  /** Of them, how many the log itself speaks of. */
  let told = 0
  /** A write failed, perhaps in the middle of a line. */
  let torn = false

  const flush = (): void => {
    if (lines.length === 0) return
    const count = lines.length
    let text = lines.join('')
    lines = []
    if (output.waiting > MAX_WAITING) {
      dropped += count
      return
    }
    const toldBefore = told
    if (dropped > told) {
      const notice = line('WARN', 'log lines were dropped because the output did not take them', {
        lines: dropped - told,
      })
      text = `${torn ? '\n' : ''}${notice}${text}`
      told = dropped
      torn = false
    }
    output.write(text, () => {
      dropped += count
      told = Math.min(told, toldBefore)
      torn = true
    })
  }

  const timer = new CoalescingTimer(flush)

  return {
    log: (level, message, fields) => {
      if (SEVERITY[level] < SEVERITY[style.level]) return
      lines.push(line(level, message, level === 'INFO' ? (fields ?? {}) : cleaned(fields ?? {})))
      if (level === 'INFO') timer.arm(FLUSH_MS)
      else {
        timer.cancel()
        flush()
      }
    },
    dropped: () => dropped,
    close: () => {
      timer.cancel()
      flush()
    },
  }
}

type Fields = Readonly<Record<string, unknown>> | string

function jsonLine(level: Level, message: string, fields: Fields): string {
  const rest = typeof fields === 'string' ? fields : JSON.stringify(fields)
  return `{"time":"${timeNow()}","level":"${level}","msg":${JSON.stringify(message)}${rest === '{}' ? '}' : `,${rest.slice(1)}`}\n`
}

/** Fields of warnings and errors, which repeat what others said: messages of drivers, URLs, stacks. */
function cleaned(fields: Fields): Fields {
  if (typeof fields === 'string') return fields
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      typeof value === 'string' ? withoutCredentials(value) : value,
    ]),
  )
}

/** `time LEVEL message name=value`: values that hold spaces, quotes or control characters as JSON. */
function textLine(level: Level, message: string, fields: Fields): string {
  const given = typeof fields === 'string' ? (JSON.parse(fields) as Record<string, unknown>) : fields
  const words = Object.entries(given).map(([name, value]) => {
    const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
    return ` ${name}=${/^[^\s"=\p{C}]+$/u.test(text) ? text : quoted(text)}`
  })
  return `${timeNow()} ${level.padEnd(5)} ${message}${words.join('')}\n`
}

/** JSON leaves control characters above U+007F as they are, and marks that reorder text. */
function quoted(text: string): string {
  return JSON.stringify(text).replace(
    /[\p{C}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`,
  )
}

let lastMs = 0
let lastTime = ''

/** The time to the millisecond; many lines share one. */
function timeNow(): string {
  const now = Date.now()
  if (now !== lastMs) {
    lastMs = now
    lastTime = localTime(new Date(now))
  }
  return lastTime
}

/** RFC 3339 with the local offset. */
function localTime(date: Date): string {
  const offset = -date.getTimezoneOffset()
  if (offset === 0) return date.toISOString()
  const local = new Date(date.getTime() + offset * 60_000).toISOString().slice(0, -1)
  const minutes = Math.abs(offset)
  const pad = (value: number): string => String(value).padStart(2, '0')
  return `${local}${offset < 0 ? '-' : '+'}${pad(Math.floor(minutes / 60))}:${pad(minutes % 60)}`
}
