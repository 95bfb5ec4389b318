import { readFile } from 'node:fs/promises'
import type { CredentialReading } from '../credential-reading.ts'
import type { SourceText } from './source-text.ts'

/** Reads the text of a file. Never throws. */
export async function readCredentialFile(path: string): Promise<SourceText> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    return fileProblem(path, error)
  }
  return { kind: 'text', text, source: `the file ${path}` }
}

/** Why a file could not be read. A file that is not there has been taken away. */
export function fileProblem(
  path: string,
  error: unknown,
): Exclude<CredentialReading, { readonly kind: 'value' }> {
  const { code = 'it cannot be read' } = error as NodeJS.ErrnoException
  if (code === 'ENOENT' || code === 'ENOTDIR') return { kind: 'gone', problem: `there is no file ${path}` }
  if (code === 'EACCES') return { kind: 'gone', problem: `this user may not read the file ${path}` }
  if (code === 'EISDIR') return { kind: 'gone', problem: `${path} is a folder` }
  return { kind: 'failed', problem: `the file ${path} cannot be read: ${code}` }
}
