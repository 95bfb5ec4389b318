import { VERSION } from '../version.ts'
import type { Command } from './command.ts'

/** `man`: the manual page, generated from the commands. `ongoingai man | man -l -` shows it. */
export function manOf(commands: () => readonly Command[]): Command {
  return {
    name: 'man',
    summary: 'print the manual page, in the format of man',
    usage: 'man',
    flags: [],
    run(_, io) {
      io.out(manPage(commands()))
      return 0
    },
  }
}

/** In the macros of man(7), section 1. */
function manPage(commands: readonly Command[]): string {
  const sections = commands.map(({ summary, usage, flags }) => {
    const options = flags.map((flag) => {
      const value = flag.type === 'bool' ? '' : ` \\fI${flag.type}\\fR`
      const fallback = flag.default === undefined || flag.default === '' ? '' : ` (default ${flag.default})`
      return `.TP\n\\fB\\-\\-${text(flag.name)}\\fR${value}\n${text(`${flag.description}${fallback}.`)}\n`
    })
    return `.SS ${text(`ongoingai ${usage}`)}\n${text(sentence(summary))}\n${options.join('')}`
  })
  return `.TH ONGOINGAI 1 "" ${quoted(`ongoingai ${VERSION.split(' ')[0]}`)} "OngoingAI Gateway"
.SH NAME
ongoingai \\- an AI gateway: byte-transparent, exact, lossless
.SH SYNOPSIS
.B ongoingai
[\\fIcommand\\fR] [\\fIoptions\\fR]
.SH DESCRIPTION
One executable in front of OpenAI, Anthropic and every compatible API. Tools point their base URL at it; from then on every request is on
record: model, tokens, latency, cost, key, outcome. Without a command it serves.
.SH COMMANDS
${sections.join('')}.SH EXIT STATUS
.TP
0
All is well.
.TP
1
It is not.
.TP
2
The command was called wrongly.
.SH ENVIRONMENT
Settings may be given as variables that begin with ONGOINGAI_; the reference names them.
.TP
.B ONGOINGAI_GATEWAY_KEY
The gateway key of commands that ask a running gateway, and of tools that wrap starts.
.SH FILES
.TP
.I ongoingai.yaml
Settings, in the working directory unless named otherwise; none are needed.
.TP
.I data/ongoingai.db
The record, unless storage.path or storage.dsn say otherwise.
`
}

function sentence(summary: string): string {
  return `${summary[0]!.toUpperCase()}${summary.slice(1)}.`
}

/** Text that is no macro and no escape, whatever is in it. */
function text(plain: string): string {
  const escaped = plain.replaceAll('\\', '\\e').replaceAll('-', '\\-')
  return /^[.']/.test(escaped) ? `\\&${escaped}` : escaped
}

function quoted(plain: string): string {
  return `"${text(plain).replaceAll('"', '\\(dq')}"`
}
