// Prints what CHANGELOG.md says of a version: `bun scripts/release-notes.ts 1.2.3`. Ends with 1 when it says nothing.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const [version = ''] = process.argv.slice(2)
const changelog = readFileSync(join(import.meta.dir, '../CHANGELOG.md'), 'utf8')
const section = changelog
  .split(/^## /m)
  .slice(1)
  .map((text) => {
    const end = text.indexOf('\n')
    return { title: text.slice(0, end), notes: text.slice(end).trim() }
  })
  .find(({ title }) => title === version || title.startsWith(`${version} `))

if (!section || section.notes === '') {
  console.error(`CHANGELOG.md says nothing of "${version}": rename "Unreleased" to "${version} - YYYY-MM-DD"`)
  process.exit(1)
}
console.log(section.notes)
