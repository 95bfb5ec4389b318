import { join, normalize } from 'node:path'
import { contractJson } from '../wire/json/contract-json.ts'
import { makePrivateFolder } from '../files/private-files.ts'
import { writeFileAtomically } from '../files/atomic-file.ts'

/**
 * Writes a chain and a manifest with its checksum into a folder. What is there appears whole, and only the owner may read it:
 * it may hold bodies. The manifest comes last, so that a folder with one is complete.
 *
 * @returns the manifest's path
 * @throws Error that says which step failed
 */
export function writeDebugBundle(folder: string, chain: object, manifest: object): string {
  step(`create bundle directory "${folder}"`, () => makePrivateFolder(folder))
  const bytes = Buffer.from(`${contractJson(chain, 2)}\n`)
  step('write debug-chain.json', () => writeFileAtomically(join(folder, 'debug-chain.json'), bytes))
  const file = { name: 'debug-chain.json', bytes: bytes.length, sha256: Bun.SHA256.hash(bytes, 'hex') }
  const text = contractJson({ schema_version: 'debug-bundle.v1', ...manifest, files: [file] }, 2)
  step('write manifest.json', () =>
    writeFileAtomically(join(folder, 'manifest.json'), Buffer.from(`${text}\n`)),
  )
  return normalize(join(folder, 'manifest.json'))
}

function step(name: string, work: () => void): void {
  try {
    work()
  } catch (error) {
    throw new Error(`${name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}
