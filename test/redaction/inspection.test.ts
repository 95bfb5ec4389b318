import { afterEach, expect, setDefaultTimeout, test } from 'bun:test'
import { Inspector, type InspectionBounds } from '../../src/inspection/inspector.ts'
import type { InspectionResult, InspectionContent } from '../../src/inspection/judge-content.ts'
import { SETTINGS } from '../support/redaction-settings.ts'

setDefaultTimeout(120_000)

const THREAD = new URL('../../src/inspection/inspection-worker.ts', import.meta.url).href
const MOODY = new URL('../fixtures/moody-inspection.ts', import.meta.url).href

/** The pattern looks to the end of the text from each `a`. */
const SETTINGS_WITH_SLOW = {
  ...SETTINGS,
  custom: [{ name: 'slow', type: '', pattern: 'a(?:[^x]*b)?', words: [] }],
}

const LONG: InspectionBounds = { threads: 2, budgetMs: 100_000, hungMs: 100_000, maxWaitingBytes: 64e6 }

const opened: Inspector[] = []
function inspectorWith(bounds: Partial<InspectionBounds> = {}, program = THREAD): Inspector {
  const inspector = new Inspector(SETTINGS_WITH_SLOW, program, { ...LONG, ...bounds })
  opened.push(inspector)
  return inspector
}

afterEach(() => {
  for (const inspector of opened.splice(0)) inspector.close()
})

const question = (workspaceId: string, text: string): InspectionContent => ({
  bytes: Buffer.from(JSON.stringify({ text })),
  mediaType: 'application/json',
  organizationId: 'o',
  workspaceId,
  reversible: false,
})
/** Takes as long as it may. */
const slow = (workspaceId: string, size = 100_000): InspectionContent =>
  question(workspaceId, 'a'.repeat(size))
const quick = (workspaceId: string, also = ''): InspectionContent =>
  question(workspaceId, `${'Nothing. '.repeat(10_000).replaceAll('a', 'e')} to bob@ple.com ${also}`)

const found = ({ verdict }: InspectionResult): unknown => verdict.kind === 'judged' && verdict.counts['email']
const outcome = (answer: InspectionResult | Promise<InspectionResult>): Promise<unknown> =>
  Promise.resolve(answer).then(found, (error: Error) => error.message)

test('while one tenant floods with content that takes long, another’s is answered', async () => {
  const inspector = inspectorWith()
  const ended: unknown[] = []
  const flood = Array.from({ length: 50 }, () =>
    outcome(inspector.judge(slow('a'))).then((one) => ended.push(one)),
  )
  for (let i = 0; i < 5; i++) expect(await outcome(inspector.judge(quick('b')))).toBe(1)
  expect(ended).toEqual([])
  // Another that floods waits for nobody’s whole flood either.
  const other = Array.from({ length: 3 }, () => outcome(inspector.judge(quick('c'))))
  expect(await Promise.all(other)).toEqual([1, 1, 1])
  expect(ended).toEqual([])
  inspector.close()
  await Promise.all(flood)
  expect(new Set(ended)).toEqual(new Set(['the gateway is stopping']))
})

test('what content may take counts from the start of work on it, and only what takes longer fails', async () => {
  const inspector = inspectorWith({ budgetMs: 700 })
  const answers = [slow('a'), slow('a'), slow('a'), quick('a'), quick('a'), quick('b')].map((one) =>
    outcome(inspector.judge(one)),
  )
  const late = 'looking through it took longer than 700 ms'
  expect(await Promise.all(answers)).toEqual([late, late, late, 1, 1, 1])
})

test('a thread that dies fails what killed it and nothing else', async () => {
  const inspector = inspectorWith({}, MOODY)
  const questions = [
    quick('a', 'to die'),
    quick('a'),
    quick('b'),
    quick('b', 'to die'),
    quick('b'),
    quick('a'),
  ]
  const answers = await Promise.all(questions.map((one) => outcome(inspector.judge(one))))
  const died = expect.stringContaining('no memory left') as unknown
  expect(answers).toEqual([died, 1, 1, died, 1, 1])
  expect(await outcome(inspector.judge(quick('a')))).toBe(1)
})

test('a thread that keeps to no budget is given up, with what it hangs at and nothing else', async () => {
  const inspector = inspectorWith({ hungMs: 8000 }, MOODY)
  const questions = [quick('a', 'to hang'), quick('a'), quick('b')]
  const answers = questions.map((one) => outcome(inspector.judge(one)))
  expect(await Promise.all(answers)).toEqual(['no answer within 8000 ms', 1, 1])
})

test('of too much that waits, the newest of whoever has the most waiting is refused', async () => {
  const inspector = inspectorWith({ maxWaitingBytes: 1_000_000 })
  const refused: string[] = []
  const ask = async (name: string, one: InspectionContent): Promise<void> => {
    const said = await outcome(inspector.judge(one))
    if (String(said).startsWith('too much')) refused.push(name)
  }
  void ask('busy a', slow('a'))
  void ask('busy c', slow('c'))
  for (let i = 1; i <= 3; i++) void ask(`a ${i}`, slow('a', 300_000))
  void ask('b 1', slow('b', 300_000))
  await Bun.sleep(0)
  expect(refused).toEqual(['a 3'])
  void ask('b 2', slow('b', 400_000))
  await Bun.sleep(0)
  expect(refused).toEqual(['a 3', 'b 2'])
})

test('small content that takes long is looked through on a thread', async () => {
  const inspector = inspectorWith({ budgetMs: 500 })
  const asked = inspector.judge(slow('a', 30_000))
  expect(asked).toBeInstanceOf(Promise)
  const meanwhile = question('a', 'to bob@ple.com')
  expect(inspector.judge(meanwhile)).not.toBeInstanceOf(Promise)
  expect(await outcome(asked)).toBe('looking through it took longer than 500 ms')
})

test('content that is no longer wanted gives its place up', async () => {
  const inspector = inspectorWith()
  const leaving = new AbortController()
  void outcome(inspector.judge(slow('a')))
  const waiting = outcome(inspector.judge(quick('a'), leaving.signal))
  leaving.abort()
  expect(await waiting).toBe('the exchange was broken off')
})
