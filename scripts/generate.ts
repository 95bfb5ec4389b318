// Writes the files that follow from settings and commands: `bun scripts/generate.ts`. The tests hold them to be current.
import { cliMarkdown } from '../src/cli/reference.ts'
import { exampleYaml, referenceMarkdown } from '../src/config/reference.ts'

await Bun.write('ongoingai.example.yaml', exampleYaml())
await Bun.write('docs/configuration.md', referenceMarkdown())
await Bun.write('docs/cli.md', cliMarkdown())
console.log('wrote ongoingai.example.yaml, docs/configuration.md, docs/cli.md')
