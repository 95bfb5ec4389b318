import { expect, test } from 'bun:test'
import { COMMANDS } from '../../src/cli/run.ts'
import { runProgram } from '../support/process.ts'

async function script(shell: string): Promise<string> {
  const { status, out, err } = await runProgram(['completion', shell])
  expect([status, err]).toEqual([0, ''])
  return out
}

test('bash: commands, commands of a group, flags, files where nothing else fits', async () => {
  const completions = await script('bash')
  const complete = (...words: string[]): string[] => {
    const line = words.map((word) => `'${word}'`).join(' ')
    const ask = `COMP_WORDS=(ongoingai ${line}); COMP_CWORD=${words.length}; _ongoingai; printf '%s\\n' "\${COMPREPLY[@]}"`
    const { stdout, stderr } = Bun.spawnSync(['bash', '--norc', '-c', `${completions}\n${ask}`])
    expect(stderr.toString()).toBe('')
    return stdout.toString().split('\n').filter(Boolean)
  }
  expect(complete('re')).toEqual(['report', 'redact', 'reprice'])
  expect(complete('keys', '')).toEqual(['list', 'create', 'rotate', 'revoke'])
  expect(complete('keys', 'create', '--ro')).toEqual(['--role', '--routes'])
  expect(complete('report', '--format', 'json', '--c')).toContain('--config')
  expect(complete('completion', '')).toEqual(['--help', 'bash', 'zsh', 'fish'])
})

test.each(['zsh', 'fish'])('%s: every command is there, and the shell can read it', async (shell) => {
  const completions = await script(shell)
  for (const word of ['serve', 'report', 'keys', 'rotate', '--format', 'completion'])
    expect(completions).toContain(word)
  if (Bun.which(shell) === null) return
  const checked = Bun.spawnSync([shell, '-n'], { stdin: Buffer.from(completions) })
  expect([checked.exitCode, checked.stderr.toString()]).toEqual([0, ''])
})

test('the manual page has every command and flag, and groff accepts it', async () => {
  const { status, out } = await runProgram(['man'])
  expect(status).toBe(0)
  const plain = out.replaceAll('\\-', '-')
  for (const { usage, flags } of COMMANDS) {
    expect(plain).toContain(`.SS ongoingai ${usage}\n`)
    for (const { name } of flags) expect(plain).toContain(`\\fB--${name}\\fR`)
  }
  if (Bun.which('groff') === null) return
  const checked = Bun.spawnSync(['groff', '-man', '-ww', '-z', '-K', 'utf8'], { stdin: Buffer.from(out) })
  expect([checked.exitCode, checked.stderr.toString()]).toEqual([0, ''])
})

test('a shell that it does not know', async () => {
  expect(await runProgram(['completion', 'csh'])).toMatchObject({
    status: 2,
    out: '',
    err: expect.stringContaining('bash, zsh, fish') as string,
  })
})
