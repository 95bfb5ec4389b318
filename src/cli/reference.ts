import { flagHelp } from './flags.ts'
import { COMMANDS } from './run.ts'

/** `docs/cli.md`: every command with its flags, generated from the commands. */
export function cliMarkdown(): string {
  const sections = COMMANDS.map(({ name, summary, usage, flags }) => {
    const first = summary[0]!.toUpperCase() + summary.slice(1)
    const help = flags.length === 0 ? '' : `\n\`\`\`\n${flagHelp(name, flags).trimEnd()}\n\`\`\`\n`
    return `## ${name}\n\n${first}.\n\n\`\`\`\nongoingai ${usage}\n\`\`\`\n${help}`
  })
  return `# Commands

Generated from the commands by \`bun scripts/generate.ts\`. \`--help\` after any of them shows the same. Commands end with 0 when all is well, with 1 when it is not, and with 2 when they were called wrongly.

${sections.join('\n')}`
}
