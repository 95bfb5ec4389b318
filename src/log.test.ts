import { expect, test } from 'bun:test'
import { openLog, type LogOutput, type LogStyle } from './log.ts'

function written(
  style: LogStyle | undefined,
  write: (log: ReturnType<typeof openLog>['log']) => void,
): string {
  let text = ''
  const logger = openLog({ write: (more) => void (text += more), waiting: 0 }, style)
  write(logger.log)
  logger.close()
  return text.replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)/g, 'TIME')
}

test('JSON lines, whether fields are an object or JSON already', () => {
  const text = written(undefined, (log) => {
    log('INFO', 'one')
    log('WARN', 'two "quoted"', { a: 1, b: 'x\ny' })
    log('INFO', 'three', '{"c":[1]}')
    log('INFO', 'four', '{}')
  })
  expect(text).toBe(
    '{"time":"TIME","level":"INFO","msg":"one"}\n{"time":"TIME","level":"WARN","msg":"two \\"quoted\\"","a":1,"b":"x\\ny"}\n' +
      '{"time":"TIME","level":"INFO","msg":"three","c":[1]}\n{"time":"TIME","level":"INFO","msg":"four"}\n',
  )
})

test('warnings and errors show no credential from the messages of others', () => {
  const text = written(undefined, (log) => {
    log('WARN', 'one', { error: 'fetch https://u:canary@h/p?key=canary failed', status: 1 })
    log('ERROR', 'two', { error: 'password=canary-1 for user "x"' })
  })
  expect(text).not.toContain('canary')
  expect(text).toContain('"status":1')
})

test('words, with what would break a line written out; nothing below the level', () => {
  const text = written({ level: 'WARN', format: 'text' }, (log) => {
    log('INFO', 'not this')
    log('WARN', 'this', {
      path: '/a b',
      plain: 'x',
      odd: 'a\u001b[31m"=',
      high: '\u009b1m\u202e',
      list: [1],
      none: undefined,
    })
    log('ERROR', 'and this', '{"status":502}')
  })
  expect(text).toBe(
    'TIME WARN  this path="/a b" plain=x odd="a\\u001b[31m\\"=" high="\\u{9b}1m\\u{202e}" list=[1] none=""\nTIME ERROR and this status=502\n',
  )
})

test('lines that could not be written are counted, and the next written line reports them', () => {
  let text = ''
  let waiting = 0
  let broken = false
  const output: LogOutput = {
    write: (more, failed) => (broken ? failed() : void (text += more)),
    get waiting() {
      return waiting
    },
  }
  const { log, dropped } = openLog(output, { level: 'INFO', format: 'text' })
  log('WARN', 'one')
  waiting = 1e9
  log('WARN', 'two')
  waiting = 0
  broken = true
  for (const line of ['three', 'four']) log('WARN', line)
  expect(dropped()).toBe(3)
  broken = false
  for (const line of ['five', 'six']) log('WARN', line)
  expect(dropped()).toBe(3)
  expect(text.replaceAll(/^\S+ (?=WARN)/gm, '')).toBe(
    'WARN  one\n\nWARN  log lines were dropped because the output did not take them lines=3\nWARN  five\nWARN  six\n',
  )
})
