import { expect } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const PAGE = readFileSync(join(import.meta.dir, '../docs/clients.md'), 'utf8')

/** The first block of a language in a section of `docs/clients.md`, for a gateway at a URL. */
export function documented(section: string, language: string, url: string): string {
  const text = PAGE.split(/^## /m).find((one) => one.startsWith(`${section}\n`)) ?? ''
  const block = new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\`$`, 'm').exec(text)?.[1]
  expect([section, language, block]).toEqual([section, language, expect.any(String) as string])
  return block!.replaceAll('http://127.0.0.1:8080', url)
}

/** An agent's line of such a block, with what makes it answer without a terminal. */
export function documentedLine(section: string, agent: string, url: string, more: string): string[] {
  const line = documented(section, 'sh unrun', url)
    .split('\n')
    .find((one) => one.split(' ').includes(agent))
  expect([agent, line]).toEqual([agent, expect.any(String) as string])
  return ['sh', '-c', `exec env ${line} ${more}`]
}
