import { anthropic } from './anthropic.ts'
import { azure } from './azure.ts'
import { bedrock } from './bedrock.ts'
import { cohere } from './cohere.ts'
import type { Dialect } from './dialect.ts'
import { gemini } from './gemini.ts'
import { mistral } from './mistral.ts'
import { ollama } from './ollama.ts'
import { openai } from './openai.ts'
import { vertex } from './vertex.ts'

const LIST = [openai, anthropic, gemini, mistral, cohere, ollama, azure, bedrock, vertex] as const

/** The name of a dialect, as settings and records carry it. */
export type DialectName = (typeof LIST)[number]['name']

/** Every dialect, in the order in which messages list them. To add one: its file and a line here. */
export const DIALECTS: readonly (Dialect & { readonly name: DialectName })[] = LIST

const BY_NAME = new Map(DIALECTS.map((dialect) => [dialect.name, dialect]))

/** The dialect of a name. */
export function dialectNamed(name: DialectName): Dialect {
  return BY_NAME.get(name)!
}
