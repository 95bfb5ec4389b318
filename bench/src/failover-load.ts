import type { FailoverPeer, Targets } from './failover-peers.ts'
import { isWhole } from './faults.ts'

/** How clients ask. */
export interface Shape {
  readonly name: string
  /** Requests that are sent at the same time. */
  readonly atOnce: number
  /** How long until the next ones are, in milliseconds. */
  readonly everyMs: number
}

/** A request as its client saw it. */
export interface Asked {
  /** When it was sent, by `performance.now()`. */
  readonly at: number
  readonly ms: number
  /** Why it failed, in short; empty when the whole of a good response came. */
  readonly failure: string
}

/** Sends requests for some seconds, and waits for their responses. */
export async function ask(
  peer: FailoverPeer,
  targets: Targets,
  { atOnce, everyMs }: Shape,
  streams: boolean,
  seconds: number,
): Promise<Asked[]> {
  const running: Promise<Asked>[] = []
  const begin = performance.now()
  for (let turn = 0; turn * everyMs < seconds * 1000; turn++) {
    await Bun.sleep(Math.max(0, begin + turn * everyMs - performance.now()))
    for (let i = 0; i < atOnce; i++) running.push(askOnce(peer, targets, streams))
  }
  return Promise.all(running)
}

async function askOnce(peer: FailoverPeer, targets: Targets, streams: boolean): Promise<Asked> {
  const at = performance.now()
  let failure = ''
  try {
    const response = await fetch(`${peer.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...peer.fields(targets) },
      body: JSON.stringify({
        model: peer.model(targets),
        messages: [{ role: 'user', content: 'Say hello.' }],
        ...(streams ? { stream: true } : {}),
      }),
    })
    const text = await response.text()
    if (!isWhole(response.status, text, streams)) failure = `${response.status} ${text.slice(0, 80)}`
  } catch (error) {
    failure = (error as Error).message
  }
  return { at, ms: performance.now() - at, failure }
}
