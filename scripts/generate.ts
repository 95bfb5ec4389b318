// Writes the files that follow from settings, commands and price lists: `bun scripts/generate.ts`. The tests hold them to be current.
import { cliMarkdown } from '../src/cli/reference.ts'
import { exampleYaml } from '../src/config/example-file.ts'
import { referenceMarkdown } from '../src/config/reference.ts'
import { withPriceCoverage } from './price-coverage.ts'

await Bun.write('ongoingai.example.yaml', exampleYaml())
await Bun.write('docs/configuration.md', referenceMarkdown())
await Bun.write('docs/cli.md', cliMarkdown())
await Bun.write('docs/pricing.md', withPriceCoverage(await Bun.file('docs/pricing.md').text()))
console.log('wrote ongoingai.example.yaml, docs/configuration.md, docs/cli.md, the table of docs/pricing.md')
