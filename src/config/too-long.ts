import type { Setting } from './setting.ts'
import { SETTINGS } from './settings.ts'

/**
 * Largest delay of JavaScript timers. A larger one fires at once.
 *
 * @see https://html.spec.whatwg.org/multipage/timers-and-user-prompts.html
 */
const MAX_MS = 2_147_483_647

/** Durations in decoded settings that are too long for a timer: the path and the problem. */
export function tooLong(
  values: Readonly<Record<string, unknown>>,
): (readonly [path: string, message: string])[] {
  const found: (readonly [string, string])[] = []
  const walk = (setting: Setting, value: unknown, path: string): void => {
    if (setting.kind === 'section') {
      for (const [name, field] of Object.entries(setting.fields))
        walk(field, (value as Record<string, unknown>)[name], path === '' ? name : `${path}.${name}`)
    } else if (setting.kind === 'map') {
      for (const [name, item] of Object.entries(value as object)) walk(setting.item, item, `${path}.${name}`)
    } else if (setting.kind === 'list') {
      for (const [i, item] of (value as unknown[]).entries()) walk(setting.item, item, `${path}[${i}]`)
    } else if (setting.kind === 'int' && setting.unit === 'ms' && (value as number) > MAX_MS) {
      found.push([path, `${path} must be at most ${MAX_MS} ms, which is 24 days (got ${String(value)})`])
    }
  }
  walk(SETTINGS, values, '')
  return found
}
