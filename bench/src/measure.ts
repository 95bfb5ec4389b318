import { readdirSync, readFileSync } from 'node:fs'

/** The unit of times in /proc: USER_HZ is 100 on every Linux. */
const TICK_MICROS = 10_000

/** Processor time in microseconds (resolution 10 ms). */
export interface CpuTime {
  readonly user: number
  readonly system: number
}

/** Processor time of some processes, all threads together and by the name of the thread. */
export interface CpuUse extends CpuTime {
  readonly threads: ReadonlyMap<string, CpuTime>
}

/** Starts to measure. @returns a function that reports what the processes have used since */
export function meter(pids: readonly number[]): () => CpuUse {
  const before = cpuUse(pids)
  return () => {
    const after = cpuUse(pids)
    const threads = [...after.threads].map(
      ([name, time]) => [name, difference(time, before.threads.get(name))] as const,
    )
    return { ...difference(after, before), threads: new Map(threads) }
  }
}

/** User and system time together, in microseconds. */
export function micros({ user, system }: CpuTime): number {
  return user + system
}

/** One line: the share of each thread that took 1 % or more, in microseconds for each of `count` things. */
export function threadLine(uses: readonly CpuUse[], count: number): string {
  const sums = new Map<string, CpuTime>()
  for (const { threads } of uses) {
    for (const [name, time] of threads) sums.set(name, sum(sums.get(name), time))
  }
  const all = micros(uses.reduce<CpuTime>(sum, NONE))
  const each = (value: number): string => (value / count).toFixed(2)
  return [...sums]
    .filter(([, time]) => micros(time) >= all / 100)
    .sort(([, a], [, b]) => micros(b) - micros(a))
    .map(
      ([name, time]) =>
        `${name} ${each(micros(time))} (${each(time.user)} user, ${each(time.system)} system)`,
    )
    .join('; ')
}

const NONE: CpuTime = { user: 0, system: 0 }

function sum(a: CpuTime = NONE, b: CpuTime = NONE): CpuTime {
  return { user: a.user + b.user, system: a.system + b.system }
}

function difference(after: CpuTime, before: CpuTime = NONE): CpuTime {
  return { user: after.user - before.user, system: after.system - before.system }
}

/** The process counts threads that have ended, too; threads of one name (`Bun Pool 0`, `Bun Pool 1`) are one. */
function cpuUse(pids: readonly number[]): CpuUse {
  const threads = new Map<string, CpuTime>()
  let all = NONE
  for (const pid of pids) {
    all = sum(all, readStat(`/proc/${pid}/stat`).time)
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      try {
        const { name, time } = readStat(`/proc/${pid}/task/${task}/stat`)
        threads.set(name, sum(threads.get(name), time))
      } catch {
        // The thread has ended meanwhile.
      }
    }
  }
  return { ...all, threads }
}

/** @see proc(5): the name is in parentheses, utime and stime are fields 14 and 15 */
function readStat(path: string): { name: string; time: CpuTime } {
  const stat = readFileSync(path, 'utf8')
  const nameEnd = stat.lastIndexOf(')')
  const fields = stat.slice(nameEnd + 2).split(' ')
  return {
    name: stat.slice(stat.indexOf('(') + 1, nameEnd).replace(/[ #-]?\d+$/, ''),
    time: { user: Number(fields[11]) * TICK_MICROS, system: Number(fields[12]) * TICK_MICROS },
  }
}

/** Resident memory in bytes. */
export function residentBytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024
}

/** Processes that have this one as an ancestor, itself included. */
export function processTree(pid: number): number[] {
  const children = new Map<number, number[]>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8')
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
      children.set(parent, [...(children.get(parent) ?? []), Number(name)])
    } catch {
      // Gone meanwhile.
    }
  }
  const tree = [pid]
  for (const member of tree) tree.push(...(children.get(member) ?? []))
  return tree
}

/** The value below which a share (0 to 1) of the others lies; NaN of none. */
export function quantile(values: ArrayLike<number>, share: number): number {
  const sorted = Float64Array.from(values).sort()
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

/** The middle value, or the mean of the two in the middle; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort()
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]]
  return low === undefined || high === undefined ? Number.NaN : (low + high) / 2
}

/** The median, with every round behind it. */
export function medianOf(values: readonly number[], digits: number): string {
  return `${median(values).toFixed(digits)} [${values.map((value) => value.toFixed(digits)).join(' ')}]`
}
