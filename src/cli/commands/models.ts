import { CONFIG_FLAG, FORMAT_FLAG, type Command } from '../command.ts'

/** How `ongoingai models explain` is called. */
export const modelsExplain: Command = {
  name: 'models explain',
  summary: 'show where requests for a model go',
  usage: 'models explain NAME [--config path/to/ongoingai.yaml] [--format text|json]',
  flags: [CONFIG_FLAG, FORMAT_FLAG],
  run: async (parsed, io) => (await import('../models-explain.ts')).explainModelNamed(parsed, io),
}
