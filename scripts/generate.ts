// Writes the files that follow from the settings: `bun scripts/generate.ts`. The tests hold them to be current.
import { exampleYaml, referenceMarkdown } from '../src/config/reference.ts'

await Bun.write('ongoingai.example.yaml', exampleYaml())
await Bun.write('docs/configuration.md', referenceMarkdown())
console.log('wrote ongoingai.example.yaml, docs/configuration.md')
