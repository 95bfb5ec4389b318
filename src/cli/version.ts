import { VERSION } from '../version.ts'
import type { Command } from './command.ts'

/** `ongoingai version`. */
export const version: Command = {
  name: 'version',
  summary: 'print the version',
  usage: 'version',
  flags: [],
  run(_, io) {
    io.out(`${VERSION}\n`)
    return 0
  },
}
