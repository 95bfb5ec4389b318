import OWN_PRICES from './own-prices.example.yaml' with { type: 'text' }
import SECTIONS from './sections.example.yaml' with { type: 'text' }
import TEMPLATE from './reference.template.md' with { type: 'text' }
import { OVERRIDES } from './environment.ts'
import { PROVIDER_PRESETS } from './provider-settings.ts'
import type { Section, Setting } from './setting.ts'
import { SETTINGS } from './settings.ts'
import { valueText } from './value-text.ts'

/** `docs/configuration.md`: every setting with its type, default, unit and variable, and an example for each section. */
export function referenceMarkdown(): string {
  const presets = Object.entries(PROVIDER_PRESETS).map(
    ([name, { upstream, prefix, api }]) => `| \`${name}\` | \`${upstream}\` | \`${prefix}\` | \`${api}\` |`,
  )
  const sections = Object.entries(SETTINGS.fields).map(sectionMarkdown)
  // Functions, because `$` is special in a replacement text.
  return TEMPLATE.replace('{{settings}}', () => sections.join('\n\n'))
    .replace('{{prices}}', () => yamlBlock(OWN_PRICES))
    .replace('{{presets}}', () => presets.join('\n'))
}

function yamlBlock(text: string): string {
  return `\`\`\`yaml\n${text.trim()}\n\`\`\``
}

function sectionMarkdown([name, setting]: [string, Setting]): string {
  // Each section begins with its name at the start of a line.
  const example = SECTIONS.split(/\n(?=\w+:)/).find((text: string) => text.startsWith(`${name}:`))
  if (example === undefined) throw new Error(`sections.example.yaml has no ${name}`)
  return `### ${name}

${setting.doc}

${yamlBlock(example)}

| setting | type | default | meaning | variable |
| --- | --- | --- | --- | --- |
${rowsOf(name, setting).join('\n')}`
}

/** What a kind is called where its own name does not say it. */
const TYPES: Readonly<Record<string, string>> = { strings: 'list of strings', texts: 'strings by name' }

const VARIABLES = new Map(OVERRIDES.map(({ path, variable }) => [path, variable]))

function rowsOf(path: string, setting: Setting): string[] {
  const inside = (section: Section, prefix: string): string[] =>
    Object.entries(section.fields).flatMap(([name, field]) => rowsOf(`${prefix}.${name}`, field))
  switch (setting.kind) {
    case 'section':
      return inside(setting, path)
    case 'map':
      return inside(setting.item, `${path}.<name>`)
    case 'list': {
      const items = setting.sameAs === undefined ? inside(setting.item, `${path}[]`) : []
      return [row(path, 'list', '`[]`', setting.doc, ''), ...items]
    }
    case 'string':
    case 'int':
    case 'float':
    case 'bool':
    case 'strings':
    case 'texts': {
      const unit = setting.unit === undefined ? '' : ` (${setting.unit})`
      const type = `${TYPES[setting.kind] ?? setting.kind}${unit}`
      const own = row(path, type, `\`${valueText(setting)}\``, setting.doc, VARIABLES.get(path) ?? '')
      if (setting.kind !== 'string' || !setting.secret) return [own]
      const name = path.slice(path.lastIndexOf('.') + 1)
      return [own, row(`${path}_file`, 'string', '', `File that holds \`${name}\`.`, '')]
    }
    default:
      return setting satisfies never
  }
}

function row(path: string, type: string, value: string, meaning: string, variable: string): string {
  return `| \`${path}\` | ${type} | ${value} | ${meaning.replaceAll('|', '\\|')} | ${variable === '' ? '' : `\`${variable}\``} |`
}
