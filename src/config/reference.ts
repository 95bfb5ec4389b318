import OWN_PRICES from './own-prices.example.yaml' with { type: 'text' }
import { OVERRIDES } from './environment.ts'
import { quote } from './scalar.ts'
import type { Section, Setting } from './setting.ts'
import { SETTINGS } from './settings.ts'

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
            `${indent}#   ${field === Object.keys(setting.item.fields)[0] ? '- ' : '  '}${field}: ${valueOf(inner)}`,
          )
        }
        break
      case 'string':
      case 'int':
      case 'float':
      case 'bool':
      case 'strings':
      case 'texts':
        lines.push(`${indent}${name}: ${preset[name] === undefined ? valueOf(setting) : quote(preset[name])}`)
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

function valueOf(setting: Setting): string {
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
        .map(([name, inner]) => `${name}: ${valueOf(inner)}`)
        .join(', ')}}`
    case 'map':
    case 'texts':
      return '{}'
    default:
      return setting satisfies never
  }
}

/** What a kind is called where its own name does not say it. */
const TYPES: Readonly<Record<string, string>> = { strings: 'list of strings', texts: 'strings by name' }

/** `docs/configuration.md`: every setting with its type, default, unit and variable. */
export function referenceMarkdown(): string {
  const variables = new Map(OVERRIDES.map(({ path, variable }) => [path, variable]))
  const rows: string[] = []
  const walk = (section: Section, path: string): void => {
    for (const [name, setting] of Object.entries(section.fields)) {
      const full = path === '' ? name : `${path}.${name}`
      if (setting.kind === 'section') walk(setting, full)
      else if (setting.kind === 'map') walk(setting.item, `${full}.<name>`)
      else if (setting.kind === 'list') {
        rows.push(row(full, 'list', '`[]`', setting.doc, ''))
        if (setting.sameAs === undefined) walk(setting.item, `${full}[]`)
      } else {
        const type = TYPES[setting.kind] ?? setting.kind
        const value = `\`${valueOf(setting)}\``
        rows.push(row(full, type, value, described(setting), variables.get(full) ?? ''))
        if (setting.kind === 'string' && setting.secret) {
          rows.push(row(`${full}_file`, 'string', '', `File from which \`${name}\` is read instead.`, ''))
        }
      }
    }
  }
  walk(SETTINGS, '')
  const presets = SETTINGS.fields['providers']
  const known =
    presets?.kind === 'map'
      ? Object.entries(presets.presets).map(
          ([name, values]) =>
            `| \`${name}\` | \`${values['upstream']}\` | \`${values['prefix']}\` | \`${values['api']}\` |`,
        )
      : []
  return `# Configuration

Written from the settings themselves by \`bun scripts/generate.ts\`; do not edit by hand.

Settings are read from \`ongoingai.yaml\` in the working directory, or from the file that \`--config\` names (that one must
exist). The file is YAML or JSON in UTF-8, or in UTF-16 with a byte order mark. A variable overrides the file; an empty one is
ignored. A list replaces its default. \`ongoingai config explain\` shows every effective value and where it comes from.
\`SIGHUP\` takes over a changed file, whole or not at all: providers, tracing, prices, redaction and keys at once;
\`server.host\`, \`server.port\`, \`storage\` and \`tracing.journal\` at the next start. A gateway that was started from a terminal stops
when that terminal closes.

## Mistakes

\`ongoingai config validate\` reports all mistakes at once. Each line names the setting, what is wrong, what to write, and the place:

\`\`\`text
config is invalid: server.port must be a whole number (got "8080/tcp"); write 8080 (ongoingai.yaml:2)
  and field hots not found in server; did you mean server.host? (ongoingai.yaml:3)
  and the variable ONGOINGAI_AUTH_ENABLE is not known; did you mean ONGOINGAI_AUTH_ENABLED?
\`\`\`

- Unknown and repeated keys are mistakes. So is a variable that begins with \`ONGOINGAI_\` and is spelt nearly as a known one.
- Where the file is no valid YAML, its settings are checked once that is mended.
- What works and is hardly meant is a warning: an upstream that ends in \`/v1\`, a number with a fraction or a leading 0, a negative
  limit. \`config validate\` and \`doctor\` show warnings, and \`serve\` logs them.
- \`ongoingai doctor\` also fails on whatever else would keep \`serve\` from starting, such as a port that is taken.

## Secrets and variables

A secret may stand in a file of its own (\`<name>_file\`) or in a variable. Any text of the configuration file may refer to variables:

\`\`\`yaml
storage: { driver: postgres, dsn: 'postgres://gateway:\${env:DATABASE_PASSWORD}@db:5432/ongoingai' }
auth: { pepper: '\${env:PEPPER}' }
\`\`\`

- \`\${env:NAME}\` is replaced when the file is read, at the start and at \`SIGHUP\`. Within \`{ }\` it must stand in quotes.
- A variable that is not set, or empty, is a mistake, which \`ongoingai config validate\` finds. \`wrap\` and \`shell-init\` do not mind.
- \`$\${\` stands for \`\${\` itself. What a variable or a secret's file holds is taken as it is.
- \`\${NAME}\` and \`os.environ/NAME\` are texts like any other, but mistakes where a secret is expected.
- \`ongoingai config explain\` names the variables behind a value. It shows no secret, and no user, password or query of a URL.

## Own prices

Each of these stands under \`pricing.overrides\`, or without \`provider\` under \`providers.<name>.prices\`. What an own price does not
set is as the lists have it, if they have the model; else it is not known. \`docs/pricing.md\` says which own price wins.

\`\`\`yaml
${OWN_PRICES.trim()}
\`\`\`

## Settings

| setting | type | default | meaning | variable |
| --- | --- | --- | --- | --- |
${rows.join('\n')}

## Providers that are known without configuration

| name | upstream | prefix | api |
| --- | --- | --- | --- |
${known.join('\n')}

\`providers.<name>.enabled: false\` takes one out. Any other name adds a provider, which needs \`upstream\` and \`prefix\`.

## Containers

\`ONGOINGAI_CONTAINER=true\` is set in the image: \`serve\` then refuses to listen beyond the container while keys are off, unless
\`ONGOINGAI_ALLOW_OPEN=true\` says that everybody who reaches the port may use the gateway (\`docs/install.md\`).

## OpenTelemetry variables

\`OTEL_SDK_DISABLED=true\` turns telemetry off whatever else is set. A variable that configures telemetry (an endpoint, a
service name, a sampling ratio, a time-out, an interval, \`OTEL_*_EXPORTER=otlp\` or \`prometheus\`,
\`ONGOINGAI_PROMETHEUS_ENABLED=true\`) turns it on; one that says off (\`none\`, \`false\`) never does. An endpoint for one signal alone
(\`OTEL_EXPORTER_OTLP_TRACES_ENDPOINT\`, \`OTEL_EXPORTER_OTLP_METRICS_ENDPOINT\`) turns on that signal. With
\`OTEL_TRACES_EXPORTER=none\` and \`OTEL_METRICS_EXPORTER=none\` telemetry is off, unless Prometheus is on.
`
}

function row(path: string, type: string, value: string, meaning: string, variable: string): string {
  return `| \`${path}\` | ${type} | ${value} | ${meaning.replaceAll('|', '\\|')} | ${variable === '' ? '' : `\`${variable}\``} |`
}
