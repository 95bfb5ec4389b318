import type { Io } from './command.ts'
import type { Arguments } from './flags.ts'
import { requestGateway, readTimeout } from './running-gateway.ts'

/** `ongoingai health`: whether a running gateway takes requests, for health checks of containers. */
export async function health(parsed: Arguments, io: Io): Promise<number> {
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
}
