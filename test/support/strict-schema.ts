import { Ajv2020 } from 'ajv/dist/2020.js'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'

const ROOT = join(import.meta.dir, '../..')
const read = (path: string): object => parse(readFileSync(join(ROOT, path), 'utf8')) as object

/** The JSON contracts of the commands, `docs/contracts.yaml`. */
export const CONTRACTS = read('docs/contracts.yaml') as {
  readonly contracts: Readonly<Record<string, object>>
}

const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true })
ajv.addSchema({ $id: 'openapi.yaml', ...(closed(read('openapi.yaml')) as object) })
ajv.addSchema({ $id: 'contracts.yaml', ...(closed(CONTRACTS) as object) })

/** What is wrong with a document that names its contract; a member that the contract does not name is. */
export function violations(document: { readonly schema_version: string }): string[] {
  const id = `contracts.yaml#/contracts/${document.schema_version}`
  const validate = ajv.getSchema(id)
  if (!validate) return [`there is no contract ${document.schema_version}`]
  if (validate(document) === true) return []
  return (validate.errors ?? []).map(
    ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
  )
}

/** Schemas leave room for members of later versions; a test wants to know of each. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed)
  if (typeof schema !== 'object' || schema === null) return schema
  const members = Object.fromEntries(Object.entries(schema).map(([name, value]) => [name, closed(value)]))
  const isObject = 'properties' in members && members['type'] === 'object'
  if (!isObject || 'additionalProperties' in members) return members
  return { ...members, additionalProperties: false }
}
