import { quote } from './scalar.ts'
import type { Setting } from './setting.ts'

/** A setting's default, as YAML in one line. */
export function valueText(setting: Setting): string {
  switch (setting.kind) {
    case 'string':
      return quote(setting.default)
    case 'int':
    case 'float':
    case 'bool':
      return String(setting.default)
    case 'strings':
      return `[${setting.default.map(quote).join(', ')}]`
    case 'list':
      return '[]'
    case 'section':
      return `{${Object.entries(setting.fields)
        .map(([name, inner]) => `${name}: ${valueText(inner)}`)
        .join(', ')}}`
    case 'map':
    case 'texts':
      return '{}'
    default:
      return setting satisfies never
  }
}
