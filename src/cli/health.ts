import { CONFIG_FLAG, type Command } from './command.ts'
import { requestGateway, GATEWAY_FLAGS, readTimeout } from './running-gateway.ts'

/** `ongoingai health`: whether a running gateway takes requests, for health checks of containers. */
export const health: Command = {
  name: 'health',
  summary: 'check whether a running gateway takes requests',
  usage: 'health [--config path/to/ongoingai.yaml] [--base-url URL] [--timeout DURATION]',
  flags: [CONFIG_FLAG, ...GATEWAY_FLAGS.filter(({ name }) => name === 'base-url' || name === 'timeout')],
  async run(parsed, io) {
    if (parsed.positional.length > 0) {
      io.err('health does not accept positional arguments\n')
      return 2
    }
    const timeoutMs = readTimeout(parsed)
    if (typeof timeoutMs === 'string') {
      io.err(`invalid health ${timeoutMs}\n`)
      return 2
    }
    try {
      const { url } = await requestGateway(parsed, io, { what: 'health', path: '/api/ready', timeoutMs })
      io.out(`${url} takes requests\n`)
      return 0
    } catch (error) {
      io.err(`${error instanceof Error ? error.message : String(error)}\n`)
      return 1
    }
  },
}
