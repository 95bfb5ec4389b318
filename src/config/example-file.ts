import { quote } from './scalar.ts'
import type { Section, Setting } from './setting.ts'
import { SETTINGS } from './settings.ts'
import { valueText } from './value-text.ts'

/** The example file: every setting at its default, with what it means. */
export function exampleYaml(): string {
  const lines = [
    '# OngoingAI Gateway: every setting at its default. Leave out what you do not change.',
    '# Reference: docs/configuration.md. Check a file with: ongoingai config validate --config FILE',
    '',
  ]
  sectionYaml(SETTINGS, 0, lines, {})
  return `${lines.join('\n')}\n`
}

function sectionYaml(
  section: Section,
  depth: number,
  lines: string[],
  preset: Readonly<Record<string, string>>,
): void {
  const indent = '  '.repeat(depth)
  for (const [name, setting] of Object.entries(section.fields)) {
    if (depth === 0 && lines.at(-1) !== '') lines.push('')
    lines.push(`${indent}# ${described(setting)}`)
    switch (setting.kind) {
      case 'section':
        lines.push(`${indent}${name}:`)
        sectionYaml(setting, depth + 1, lines, {})
        break
      case 'map':
        lines.push(`${indent}${name}:`)
        for (const [i, [key, values]] of Object.entries(setting.presets).entries()) {
          lines.push(`${indent}  ${key}:`)
          // The first shows every field; the others take the same.
          if (i === 0) sectionYaml(setting.item, depth + 2, lines, values)
          else
            for (const [field, value] of Object.entries(values))
              lines.push(`${indent}    ${field}: ${quote(value)}`)
        }
        break
      case 'list':
        lines.push(`${indent}${name}: []`)
        if (setting.sameAs !== undefined) break
        for (const [field, inner] of Object.entries(setting.item.fields)) {
          lines.push(
            `${indent}#   ${field === Object.keys(setting.item.fields)[0] ? '- ' : '  '}${field}: ${valueText(inner)}`,
          )
        }
        break
      case 'string':
      case 'int':
      case 'float':
      case 'bool':
      case 'strings':
      case 'texts':
        lines.push(
          `${indent}${name}: ${preset[name] === undefined ? valueText(setting) : quote(preset[name])}`,
        )
        break
      default:
        setting satisfies never
    }
  }
}

function described(setting: Setting): string {
  const unit = 'unit' in setting && setting.unit ? ` (${setting.unit})` : ''
  return `${setting.doc}${unit}`
}
