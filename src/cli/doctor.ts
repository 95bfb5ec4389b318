import { ConfigError, type LoadedConfig, loadConfig } from '../config/load.ts'
import { contractJson } from '../wire/json/contract-json.ts'
import { visible } from '../presentation/visible.ts'
import { withoutCredentials } from '../redaction/without-credentials.ts'
import { formatSecond } from '../time/rfc3339.ts'
import { type Io, readFormat } from './command.ts'
import { CREDENTIALS, CREDENTIALS_ONLINE } from './credentials-check.ts'
import { type Check, type Finding, LOCAL_CHECKS, UPSTREAMS } from './doctor-checks.ts'
import type { Arguments } from './flags.ts'
import { outputColumns } from './text-table.ts'
import { wrapWords } from './wrap-words.ts'

/** `ongoingai doctor`: whether this gateway can run as it is configured, without changing anything. */
export async function doctor(parsed: Arguments, io: Io): Promise<number> {
  const format = readFormat('doctor', parsed)
  const problem =
    parsed.positional.length > 0
      ? 'doctor does not accept positional arguments'
      : 'problem' in format
        ? format.problem
        : undefined
  if (problem !== undefined) {
    io.err(`${problem}\n`)
    return 2
  }
  const path = parsed.values.get('config')
  const findings = await examine(path, parsed.values.get('online') === 'true', io)
  const overall = overallOf(findings)
  const generatedAt = formatSecond(Date.now() * 1000)
  const shownPath = path?.trim() || 'ongoingai.yaml'
  if ('format' in format && format.format === 'json') {
    const document = {
      schema_version: 'doctor.v1',
      generated_at: generatedAt,
      config_path: shownPath,
      overall_status: overall,
      checks: findings,
    }
    io.out(`${contractJson(document, 2)}\n`)
  } else {
    io.out(
      `OngoingAI Doctor\nGenerated at    ${generatedAt}\nConfig path     ${visible(shownPath)}\nOverall status  ${overall.toUpperCase()}\n\nChecks\n`,
    )
    for (const { name, status, summary, details } of findings) {
      io.out(`${wrapped(`- [${status.toUpperCase()}] ${name}: ${visible(summary)}`)}\n`)
      for (const detail of details ?? []) io.out(`  ${wrapped(visible(detail))}\n`)
    }
  }
  return overall === 'fail' ? 1 : 0
}

function wrapped(text: string): string {
  return wrapWords(text, outputColumns() - '  '.length, '    ')
}

/** Runs the checks in the contract's order, then the added ones. Without a valid configuration the others make no sense. */
async function examine(path: string | undefined, online: boolean, io: Io): Promise<Finding[]> {
  let loaded: LoadedConfig
  try {
    loaded = loadConfig(path, io.environment)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const [summary, reason] =
      error.stage === 'load'
        ? ['failed to load config', 'skipped: config failed to load']
        : ['config is invalid', 'skipped: config validation failed']
    return [
      { name: 'config', status: 'fail', summary, details: error.message.split('\n') },
      ...[...LOCAL_CHECKS, CREDENTIALS, UPSTREAMS].map(({ name }): Finding => ({
        name,
        status: 'skip',
        summary: reason,
      })),
    ]
  }
  const { exists, warnings } = loaded
  const found: Finding[] = [
    {
      name: 'config',
      status: warnings.length > 0 ? 'warn' : 'pass',
      summary: 'loaded and validated configuration',
      details: [`config path: ${exists ? loaded.path : '(none: defaults and environment)'}`, ...warnings],
    },
  ]
  for (const check of LOCAL_CHECKS) found.push(await outcome(check, loaded, io))
  found.push(await outcome(online ? CREDENTIALS_ONLINE : CREDENTIALS, loaded, io))
  found.push(
    online
      ? await outcome(UPSTREAMS, loaded, io)
      : { name: UPSTREAMS.name, status: 'skip', summary: 'skipped: asked only with --online' },
  )
  return found
}

/** A check that breaks is a finding too. */
async function outcome(check: Check, loaded: LoadedConfig, { environment }: Io): Promise<Finding> {
  const { name } = check
  try {
    const { status, summary, details = [] } = await check.run(loaded, environment)
    // They repeat messages of drivers and servers.
    const shown = details.map((detail) => withoutCredentials(detail))
    return { name, status, summary, ...(shown.length > 0 ? { details: shown } : {}) }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return {
      name,
      status: 'fail',
      summary: 'the check could not be made',
      details: [withoutCredentials(reason)],
    }
  }
}

function overallOf(findings: readonly Finding[]): 'pass' | 'warn' | 'fail' {
  const has = (status: Finding['status']): boolean => findings.some((finding) => finding.status === status)
  return has('fail') ? 'fail' : has('warn') ? 'warn' : 'pass'
}
