import { loadConfig, ConfigError } from '../config/load.ts'
import { contractJson } from '../wire/json/contract-json.ts'
import { type Io, readFormat } from './command.ts'
import { explainModel, type ExplainedModel } from './explained-model.ts'
import type { Arguments } from './flags.ts'
import { textTable } from './text-table.ts'

/** `ongoingai models explain NAME`: where a request for a model goes, and why. */
export function explainModelNamed(parsed: Arguments, io: Io): number {
  const { values, positional } = parsed
  const [name = ''] = positional
  if (positional.length !== 1 || name === '') {
    io.err('models explain takes the name of one model\n')
    return 2
  }
  const format = readFormat('models explain', parsed)
  if ('problem' in format) {
    io.err(`${format.problem}\n`)
    return 2
  }
  try {
    const { config } = loadConfig(values.get('config'), io.environment)
    const explained = explainModel(name, config)
    if (format.format === 'json')
      io.out(`${contractJson({ schema_version: 'models-explain.v1', ...explained }, 2)}\n`)
    else io.out(textOf(explained))
    return 0
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    io.err(`config is invalid: ${error.message}\n`)
    return 1
  }
}

function textOf({ name, found_by: foundBy, affinity, targets, apis }: ExplainedModel): string {
  const kept = affinity === 'none' || targets.length < 2 ? '' : `; one ${affinity} stays at one target`
  const head = `${name}: ${HEADS[foundBy]}${kept}\n`
  const rows = targets.map(({ target, tier, share, region, zero_retention: none, left_out: leftOut }) => [
    target,
    String(tier),
    leftOut === undefined ? `${Math.round(share * 100)} %` : '-',
    region === '' ? '-' : region,
    none ? 'yes' : 'no',
    leftOut ?? '',
  ])
  const title = ['target', 'tier', 'share', 'region', 'zero retention', 'never used because']
  const withReason = rows.some((row) => row[5] !== '')
  const table = [title, ...rows].map((row) => (withReason ? row : row.slice(0, 5)))
  const answers = apis.map(({ api, targets: urls, refused }) => [
    api,
    refused === undefined ? urls.map(({ target, url }) => `${target} at ${url}`).join(', ') : refused,
  ])
  return `${head}\n${targets.length === 0 ? '' : `${textTable(table)}\n`}${textTable([['API', 'goes to'], ...answers])}`
}

const HEADS: Readonly<Record<ExplainedModel['found_by'], string>> = {
  alias: 'a name in models',
  provider: 'a provider and its model',
  default: 'neither in models nor provider/model: the default provider of the API takes it',
}
