import type { Origin, SettingsDocument } from './settings-document.ts'
import { quote } from './scalar.ts'
import type { Section, Setting } from './setting.ts'
import { SETTINGS } from './settings.ts'

/** One effective value: its dotted path, the value as shown, and where it comes from. */
export interface Explained {
  readonly path: string
  readonly value: string
  readonly origin: string
}

/** Every effective value with its origin, in the order of the settings; secrets are masked. */
export function explainSettings({ values, origins }: SettingsDocument, file: string): Explained[] {
  const rows: Explained[] = []
  const add = (path: string, value: string): void => {
    rows.push({ path, value, origin: originText(origins.get(path), file) })
  }
  const section = (schema: Section, value: Record<string, unknown>, path: string): void => {
    for (const [name, setting] of Object.entries(schema.fields)) {
      walk(setting, value[name], path === '' ? name : `${path}.${name}`)
    }
  }
  const walk = (setting: Setting, value: unknown, path: string): void => {
    switch (setting.kind) {
      case 'section':
        section(setting, value as Record<string, unknown>, path)
        return
      case 'map':
        for (const [name, item] of Object.entries(value as Record<string, unknown>)) {
          section(setting.item, item as Record<string, unknown>, `${path}.${name}`)
        }
        return
      case 'list': {
        const items = value as Record<string, unknown>[]
        if (items.length === 0) add(path, '[]')
        items.forEach((item, i) => section(setting.item, item, `${path}[${i}]`))
        return
      }
      case 'strings':
        add(path, listText(value as string[], setting.command === true))
        return
      case 'texts': {
        const names = Object.keys(value as Record<string, string>)
        if (names.length === 0) add(path, '{}')
        for (const name of names) add(`${path}.${name}`, '********')
        return
      }
      case 'string':
        add(path, setting.secret && value !== '' ? '********' : quote(String(value)))
        return
      case 'int':
      case 'float':
      case 'bool':
        add(path, String(value))
        return
      default:
        setting satisfies never
    }
  }
  section(SETTINGS, values, '')
  return rows
}

function listText(texts: readonly string[], isCommand: boolean): string {
  const shown = texts.map((text, i) => (isCommand && i > 0 ? '********' : quote(text)))
  return `[${shown.join(', ')}]`
}

function originText(origin: Origin | undefined, file: string): string {
  if (!origin || origin.kind === 'default') return 'default'
  if (origin.kind === 'environment') return origin.variable
  const place = `${file}:${origin.line}`
  return origin.variables ? `${place}, from ${origin.variables.join(', ')}` : place
}
