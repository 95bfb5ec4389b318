import { ConfigError, loadConfig, type LoadedConfig } from '../config/load.ts'
import { knownRedaction } from '../gateway/redaction-key.ts'
import { judgeBody } from '../redaction/bodies.ts'
import type { Edit } from '../redaction/edits.ts'
import { readMode } from '../redaction/modes.ts'
import { Redaction } from '../redaction/redaction.ts'
import { readContentType, seeBody, type BodyKind } from '../redaction/body-kind.ts'
import { readText, readWide } from '../wire/text-bytes.ts'
import { readFormat, type Io } from './command.ts'
import type { Arguments } from './flags.ts'
import { textTable } from './text-table.ts'

/** `redact`: what redaction would do with a text or a body on standard input. */
export async function redact(parsed: Arguments, io: Io): Promise<number> {
  const { values, positional } = parsed
  if (positional.length > 0 || process.stdin.isTTY) {
    io.err('redact reads what it is to look at from standard input: ongoingai redact < file\n')
    return 2
  }
  const format = readFormat('redact', parsed)
  if ('problem' in format) {
    io.err(`${format.problem}\n`)
    return 2
  }
  let config: LoadedConfig['config']
  try {
    ;({ config } = loadConfig(values.get('config'), io.environment))
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    io.err(`config is invalid: ${error.message}\n`)
    return 1
  }
  const { settings, same } = knownRedaction(config)
  const policy = values.get('policy') ?? ''
  const chosen =
    policy === '' ? settings : [settings, ...settings.scopes].find(({ policyId }) => policyId === policy)
  if (!chosen) {
    const ids = new Set(
      [settings, ...settings.scopes].map(({ policyId }) => policyId).filter((id) => id !== ''),
    )
    io.err(`no policy "${policy}": there is ${[...ids].join(', ')}\n`)
    return 2
  }
  const mode = readMode(chosen.mode === '' ? settings.mode : chosen.mode)!
  const redaction = new Redaction(settings)
  const bytes = await Bun.stdin.bytes()
  const type = values.get('type') ?? ''
  const tenant = {
    organizationId: values.get('org') ?? 'default',
    workspaceId: values.get('workspace') ?? 'default',
  }
  const verdict = judgeBody(bytes, type, redaction.rulesOf(tenant))
  if (!same) io.err('note: the gateway has made no key yet, so its placeholders will have other hashes\n')
  if (verdict.kind === 'uninspectable') {
    io.err(`it cannot be looked into: ${verdict.reason}\n`)
    return 1
  }
  const wide = readWide(bytes)
  const text = wide?.text ?? readText(bytes).text
  const shown: Shown = {
    policyId: chosen.policyId === '' ? settings.policyId : chosen.policyId,
    mode: mode.name,
    request: bytes.length > settings.maxInspectBytes && mode.request !== 'pass' ? 'refuse' : mode.request,
    response: mode.response,
    stored: mode.storage ? 'redacted' : 'as it is',
    mediaType: mediaTypeOf(type, wide ? Buffer.from(wide.text) : bytes),
    counts: verdict.counts,
    uninspectable: verdict.uninspectable,
    finds: verdict.edits
      .filter(({ name }) => name !== '')
      .map((edit) => ({ ...edit, ...placeOf(text, edit) })),
    content: readWide(verdict.content)?.text ?? Buffer.from(verdict.content).toString('utf8'),
  }
  if (format.format === 'json') io.out(`${JSON.stringify(asJson(shown), null, 2)}\n`)
  else showText(shown, io)
  return 0
}

interface Shown {
  readonly policyId: string
  readonly mode: string
  readonly request: string
  readonly response: string
  readonly stored: string
  readonly mediaType: string
  readonly counts: Readonly<Record<string, number>>
  readonly uninspectable: number
  readonly finds: readonly (Edit & { readonly line: number; readonly column: number })[]
  readonly content: string
}

/** The given media type, else the usual one for the kind of content. */
function mediaTypeOf(given: string, bytes: Uint8Array): string {
  const declared = readContentType(given)
  return declared.mediaType === '' ? MEDIA_TYPES[seeBody(bytes, declared).kind] : declared.mediaType
}

const MEDIA_TYPES: Readonly<Record<BodyKind, string>> = {
  json: 'application/json',
  lines: 'application/x-ndjson',
  sse: 'text/event-stream',
  form: 'application/x-www-form-urlencoded',
  multipart: 'multipart/form-data',
  text: 'text/plain',
  opaque: 'application/octet-stream',
}

/** Line and column, from 1, in characters. */
function placeOf(text: string, { start }: Edit): { line: number; column: number } {
  const before = text.slice(0, start)
  return { line: before.split('\n').length, column: start - before.lastIndexOf('\n') }
}

function showText(shown: Shown, io: Io): void {
  const { policyId, mode, request, response, stored, finds, uninspectable, content } = shown
  const found = finds.length === 1 ? '1 value' : `${finds.length} values`
  io.out(`Policy ${policyId}, mode ${mode}: request ${request}, response ${response}, stored ${stored}.\n`)
  io.out(`${found} found${uninspectable > 0 ? `, ${uninspectable} that cannot be looked into` : ''}.\n\n`)
  if (finds.length > 0) {
    const rows = finds.map(({ line, column, start, end, name, replacement }) => [
      `${line}:${column}`,
      String(end - start),
      name,
      replacement,
    ])
    io.out(`${textTable([['PLACE', 'LENGTH', 'FOUND BY', 'REPLACED WITH'], ...rows])}\n`)
  }
  io.out(content.endsWith('\n') ? content : `${content}\n`)
}

/** Under the names of the contract `redact.v1`. */
function asJson({
  policyId,
  mode,
  request,
  response,
  stored,
  mediaType,
  counts,
  uninspectable,
  finds,
  content,
}: Shown): object {
  return {
    schema_version: 'redact.v1',
    policy_id: policyId,
    mode,
    request,
    response,
    stored,
    media_type: mediaType,
    counts,
    uninspectable,
    finds: finds.map(({ name, start, end, line, column, replacement }) => ({
      name,
      start,
      end,
      line,
      column,
      replacement,
    })),
    content,
  }
}
