import { parseTime } from './rfc3339.ts'

/** Whether a text is a day of the calendar as `YYYY-MM-DD`. */
export function isDay(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && parseTime(`${text}T00:00:00Z`) !== undefined
}

/** The day in UTC of a moment. @param ms epoch milliseconds */
export function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}
