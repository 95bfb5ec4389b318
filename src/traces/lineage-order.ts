import { metadataInteger, metadataText } from './lineage.ts'
import type { Trace } from './trace.ts'

interface Node {
  readonly trace: Trace
  readonly index: number
  readonly children: number[]
  parents: number
  parent: number
  sequence: number | undefined
}

/**
 * Orders the traces of a lineage: parents before children, then by sequence (given, or inferred from parent and
 * children), then by time, then by id. Cycles come last.
 */
export function orderByLineage(traces: readonly Trace[]): Trace[] {
  const nodes = traces.map<Node>((trace, index) => {
    const sequence = metadataInteger(trace.metadata, 'lineage_checkpoint_seq')
    return {
      trace,
      index,
      children: [],
      parents: 0,
      parent: -1,
      sequence: sequence && sequence > 0 ? sequence : undefined,
    }
  })
  link(nodes)
  inferSequences(nodes)

  const ordered: Node[] = []
  const ready = nodes.filter((node) => node.parents === 0)
  while (ready.length > 0) {
    ready.sort(compare)
    const node = ready.shift()!
    ordered.push(node)
    for (const index of node.children) {
      const child = nodes[index]!
      child.parents -= 1
      if (child.parents === 0) ready.push(child)
    }
  }
  const emitted = new Set(ordered)
  const cycles = nodes.filter((node) => !emitted.has(node)).sort(compare)
  return [...ordered, ...cycles].map((node) => node.trace)
}

function link(nodes: readonly Node[]): void {
  const byCheckpoint = new Map<string, number>()
  for (const { trace, index } of nodes) {
    const checkpoint = metadataText(trace.metadata, 'lineage_checkpoint_id') || trace.id.trim()
    if (checkpoint !== '' && !byCheckpoint.has(checkpoint)) byCheckpoint.set(checkpoint, index)
  }
  for (const node of nodes) {
    const parentId = metadataText(node.trace.metadata, 'lineage_parent_checkpoint_id')
    const parent = parentId === '' ? undefined : byCheckpoint.get(parentId)
    if (parent === undefined || parent === node.index) continue
    nodes[parent]!.children.push(node.index)
    node.parent = parent
    node.parents += 1
  }
}

/** Fills missing sequences from parent and children, pass by pass, until a pass changes nothing. */
function inferSequences(nodes: readonly Node[]): void {
  for (let pass = 0; pass < nodes.length * 2; pass++) {
    let changed = false
    for (const node of nodes) {
      const before = node.parent < 0 ? undefined : nodes[node.parent]!.sequence
      if (node.sequence !== undefined || before === undefined || before + 1 <= 0) continue
      node.sequence = before + 1
      changed = true
    }
    for (const node of nodes) {
      if (node.sequence !== undefined) continue
      const candidates = node.children.flatMap((child) => {
        const sequence = nodes[child]!.sequence
        return sequence !== undefined && sequence - 1 > 0 ? [sequence - 1] : []
      })
      if (candidates.length === 0) continue
      node.sequence = Math.min(...candidates)
      changed = true
    }
    if (!changed) return
  }
}

function compare(a: Node, b: Node): number {
  const hasA = a.sequence !== undefined
  if (hasA !== (b.sequence !== undefined)) return hasA ? -1 : 1
  if (a.sequence !== b.sequence) return a.sequence! - b.sequence!
  if (a.trace.createdAtUs !== b.trace.createdAtUs) return a.trace.createdAtUs - b.trace.createdAtUs
  const [idA, idB] = [a.trace.id.trim(), b.trace.id.trim()]
  return idA < idB ? -1 : idA > idB ? 1 : a.index - b.index
}
