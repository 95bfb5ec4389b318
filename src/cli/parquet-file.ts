import { closeSync, createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileWriter, ParquetWriter } from 'hyparquet-writer'
import { openPrivateFile } from '../files/private-files.ts'
import { decodeTrace } from '../background/trace-codec.ts'
import type { ColumnType, ExportColumn } from '../presentation/export-columns.ts'

/** Rows of one row group, which is held in memory as a whole. */
const GROUP_ROWS = 10_000

/** Bytes of text in one row group, about; bodies are large. */
const GROUP_BYTES = 32 * 1024 * 1024

type SchemaElement = ConstructorParameters<typeof ParquetWriter>[0]['schema'][number]

const TYPES: Readonly<Record<ColumnType, Omit<SchemaElement, 'name'>>> = {
  text: { type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'REQUIRED' },
  integer: { type: 'INT64', repetition_type: 'OPTIONAL' },
  number: { type: 'DOUBLE', repetition_type: 'OPTIONAL' },
  time: { type: 'INT64', converted_type: 'TIMESTAMP_MICROS', repetition_type: 'REQUIRED' },
  json: { type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'REQUIRED' },
}

/**
 * Makes a Parquet file of traces, one row group at a time.
 *
 * @param lines file with a trace in each line, as the journal encodes it
 * @param shown called with the number of rows now and then
 */
export async function writeParquet(
  lines: string,
  columns: readonly ExportColumn[],
  path: string,
  shown: (rows: number) => void,
): Promise<void> {
  const schema: SchemaElement[] = [
    { name: 'trace', num_children: columns.length },
    ...columns.map(({ name, type }) => ({ name, ...TYPES[type] })),
  ]
  closeSync(openPrivateFile(path, 'w'))
  const writer = new ParquetWriter({ writer: fileWriter(path), schema, createdBy: 'ongoingai' })
  let group = columns.map((): unknown[] => [])
  let [bytes, rows] = [0, 0]
  const flush = async (): Promise<void> => {
    const columnData = columns.map(({ name }, i) => ({ name, data: group[i]! }))
    await writer.write({ columnData, rowGroupSize: group[0]!.length })
    group = columns.map(() => [])
    bytes = 0
    shown(rows)
  }
  for await (const line of createInterface({ input: createReadStream(lines), crlfDelay: Infinity })) {
    const trace = decodeTrace(Buffer.from(line))
    columns.forEach(({ type, of }, i) => {
      const value = of(trace)
      group[i]!.push((type === 'integer' || type === 'time') && value !== null ? BigInt(value) : value)
    })
    bytes += line.length
    rows += 1
    if (group[0]!.length >= GROUP_ROWS || bytes > GROUP_BYTES) await flush()
  }
  if (group[0]!.length > 0 || rows === 0) await flush()
  await writer.finish()
}
