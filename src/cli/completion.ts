import type { Command } from './command.ts'

const SHELLS = ['bash', 'zsh', 'fish'] as const

/** `completion`: completions of commands and flags for a shell, generated from the commands. */
export function completionOf(commands: () => readonly Command[]): Command {
  return {
    name: 'completion',
    summary: 'print completions for a shell: bash, zsh or fish',
    usage: 'completion bash|zsh|fish',
    flags: [],
    run({ positional }, io) {
      const [shell] = positional
      if (positional.length !== 1 || !SHELLS.some((known) => known === shell)) {
        io.err(
          `completion expects one of ${SHELLS.join(', ')}, such as: eval "$(ongoingai completion bash)"\n`,
        )
        return 2
      }
      const words = wordsOf(commands())
      io.out(shell === 'fish' ? fish(words) : shell === 'zsh' ? zsh(words) : bash(words))
      return 0
    },
  }
}

/** What may follow some words: names of commands or flags, each with its purpose. */
interface Choice {
  /** `keys`, `keys list`; empty for the beginning. */
  readonly after: string
  readonly words: readonly { readonly word: string; readonly about: string }[]
}

function wordsOf(commands: readonly Command[]): Choice[] {
  const choices = new Map<string, Map<string, string>>()
  const add = (after: string, word: string, about: string): void => {
    const known = choices.get(after) ?? new Map<string, string>()
    choices.set(after, known)
    if (!known.has(word)) known.set(word, about)
  }
  for (const { name, summary, flags } of commands) {
    const [group, second] = name.split(' ')
    add('', group!, second === undefined ? summary : `${group}: commands`)
    if (second !== undefined) add(group!, second, summary)
    for (const flag of flags) add(name, `--${flag.name}`, flag.description)
    add(name, '--help', 'Tell how it is called')
  }
  for (const shell of SHELLS) add('completion', shell, `Completions for ${shell}`)
  return [...choices].map(([after, words]) => ({
    after,
    words: [...words].map(([word, about]) => ({ word, about })),
  }))
}

/** Lists by the words before, as arms of a shell's `case`. */
function arms(choices: readonly Choice[], list: (choice: Choice) => string): string {
  return choices
    .filter(({ after }) => after !== '')
    .map((choice) => `    ${quoted(choice.after)}) ${list(choice)} ;;\n`)
    .join('')
}

/** Beginnings of a command line that are commands or groups: other words are values of flags. */
function commandsOf(choices: readonly Choice[]): string {
  return choices
    .filter(({ after }) => after !== '')
    .map(({ after }) => quoted(after))
    .join(' | ')
}

function bash(choices: readonly Choice[]): string {
  const list = ({ words }: Choice): string => `words=${quoted(words.map(({ word }) => word).join(' '))}`
  return `# bash completion of ongoingai
_ongoingai() {
  local current="\${COMP_WORDS[COMP_CWORD]}" before='' words='' word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "\${before:+$before }$word" in ${commandsOf(choices)}) before="\${before:+$before }$word" ;; esac
  done
  case $before in
    '') ${list(choices.find(({ after }) => after === '')!)} ;;
${arms(choices, list)}  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  [ -n "$words" ] || COMPREPLY=($(compgen -f -- "$current"))
}
complete -F _ongoingai ongoingai
`
}

function zsh(choices: readonly Choice[]): string {
  const list = ({ words }: Choice): string =>
    `choices=(${words.map(({ word, about }) => quoted(`${word.replaceAll(':', '\\:')}:${about}`)).join(' ')})`
  return `#compdef ongoingai
_ongoingai() {
  local before='' word
  local -a choices
  for word in "\${words[@]:1:CURRENT-2}"; do
    case "\${before:+$before }$word" in ${commandsOf(choices)}) before="\${before:+$before }$word" ;; esac
  done
  case $before in
    '') ${list(choices.find(({ after }) => after === '')!)} ;;
${arms(choices, list)}  esac
  if (( \${#choices} )); then _describe ongoingai choices; else _files; fi
}
if [ "\${funcstack[1]}" = _ongoingai ]; then _ongoingai "$@"; else compdef _ongoingai ongoingai; fi
`
}

function fish(choices: readonly Choice[]): string {
  const lines = choices.flatMap(({ after, words }) =>
    words.map(
      ({ word, about }) =>
        `complete -c ongoingai -f -n ${quoted(`__ongoingai_after ${quoted(after)}`)} -a ${quoted(word)} -d ${quoted(about)}`,
    ),
  )
  return `# fish completion of ongoingai
function __ongoingai_after
  set -l before ''
  for word in (commandline -opc)[2..]
    set -l more (string trim -- "$before $word")
    if contains -- $more ${choices
      .map(({ after }) => quoted(after))
      .filter((after) => after !== "''")
      .join(' ')}
      set before $more
    end
  end
  test "$before" = "$argv[1]"
end
${lines.join('\n')}
`
}

/** A word for a shell, whatever is in it. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
