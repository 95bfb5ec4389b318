import { authority } from '../wire/url/authority.ts'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** How long a gateway that may hold the port may take to say so. */
const ASK_MS = 1000

/** The process that listens on a port of this machine, in words; empty when it is unknown. */
export async function portHolder(host: string, port: number): Promise<string> {
  return [processOn(port), await gatewayOn(host, port)].filter((text) => text !== '').join(', ')
}

/** `process 12 (nginx)`: only Linux says it without another program, and only of processes that the user may look at. */
function processOn(port: number): string {
  try {
    const sockets = new Set(['tcp', 'tcp6'].flatMap((table) => listening(`/proc/net/${table}`, port)))
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      if (holds(pid, sockets)) return `process ${pid} (${readFileSync(`/proc/${pid}/comm`, 'utf8').trim()})`
    }
  } catch {
    // Another system, or the process has ended meanwhile.
  }
  return ''
}

/** Names of the sockets that listen on a port, as links of `/proc` show them. @see proc_net_tcp(5) */
function listening(table: string, port: number): string[] {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  return readFileSync(table, 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, address, , state]) => address?.endsWith(local) && state === '0A')
    .map((columns) => `socket:[${columns[9]}]`)
}

function holds(pid: string, sockets: ReadonlySet<string>): boolean {
  try {
    const folder = `/proc/${pid}/fd`
    return readdirSync(folder).some((fd) => {
      try {
        return sockets.has(readlinkSync(`${folder}/${fd}`))
      } catch {
        return false
      }
    })
  } catch {
    return false
  }
}

/** `an OngoingAI gateway 1.2.3`, if one responds. */
export async function gatewayOn(host: string, port: number): Promise<string> {
  const name = ['0.0.0.0', '::', '[::]'].includes(host) ? 'localhost' : host
  try {
    const response = await fetch(`http://${authority(name, port)}/`, {
      redirect: 'manual',
      proxy: false,
      signal: AbortSignal.timeout(ASK_MS),
    })
    const said = (await response.json()) as { name?: unknown; version?: unknown }
    return said.name === 'ongoingai gateway' ? `an OngoingAI gateway ${String(said.version)}` : ''
  } catch {
    return ''
  }
}
