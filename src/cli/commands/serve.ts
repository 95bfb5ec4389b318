import { CONFIG_FLAG, type Command } from '../command.ts'
import { replaceProcess } from '../replace-process.ts'

/** How `ongoingai serve` is called. */
export const serve: Command = {
  name: 'serve',
  summary: 'start the gateway',
  usage: 'serve [--config path/to/ongoingai.yaml]',
  flags: [CONFIG_FLAG],
  async run(parsed, io) {
    // Before anything else is loaded: it would be loaded twice.
    replaceProcess(io)
    return (await import('../serve.ts')).serve(parsed, io)
  },
}
