type Method = (this: unknown, ...args: unknown[]) => unknown

/** How much of what it is called with a method of the language looks at: characters, bytes or elements. */
type Cost = (subject: never, args: readonly never[], result: never) => number

/** Steps of a search: to where it found something, else to the end. */
const searched = (length: number, from: unknown, found: number): number =>
  (found < 0 ? length : found) - (typeof from === 'number' ? Math.min(from, length) : 0) + 1

const COSTS: readonly (readonly [prototype: object, name: string, cost: Cost])[] = [
  [String.prototype, 'codePointAt', () => 1],
  [
    String.prototype,
    'indexOf',
    (text: string, [, from], found: number) => searched(text.length, from, found),
  ],
  [String.prototype, 'lastIndexOf', (text: string, _, found: number) => text.length - Math.max(found, 0)],
  [
    String.prototype,
    'includes',
    (text: string, [, from], found: boolean) => (found ? 1 : searched(text.length, from, -1)),
  ],
  [String.prototype, 'startsWith', (_, [what]: readonly string[]) => what!.length],
  [String.prototype, 'toLowerCase', (text: string) => text.length],
  [Array.prototype, 'includes', (array: unknown[]) => array.length],
  [Array.prototype, 'join', (array: unknown[]) => array.length],
  [Array.prototype, 'slice', (_, __, result: unknown[]) => result.length],
  [Array.prototype, 'splice', (array: unknown[], _, result: unknown[]) => array.length + result.length],
  [
    Uint8Array.prototype,
    'indexOf',
    (bytes: Uint8Array, [, from], found: number) => searched(bytes.length, from, found),
  ],
  [Uint8Array.prototype, 'slice', (_, __, result: Uint8Array) => result.length],
  [Uint8Array.prototype, 'set', (_, [source]: readonly Uint8Array[]) => source!.length],
  [
    Buffer.prototype,
    'indexOf',
    (bytes: Uint8Array, [, from], found: number) => searched(bytes.length, from, found),
  ],
  [Buffer.prototype, 'toString', (bytes: Uint8Array) => bytes.length],
  [TextDecoder.prototype, 'decode', (_, [bytes]: readonly Uint8Array[]) => bytes?.length ?? 0],
  [Buffer, 'concat', (_, __, result: Uint8Array) => result.length],
  // Of memory, only that is copied which is not taken over.
  [
    Buffer,
    'from',
    (_, [source]: readonly unknown[], result: Uint8Array) =>
      source instanceof ArrayBuffer ? 1 : result.length,
  ],
  [JSON, 'parse', (_, [text]: readonly string[]) => text!.length],
]

/** Methods that call a function for each element until it is content. */
const SEARCHES = ['some', 'find', 'findIndex', 'filter', 'every', 'forEach', 'map', 'flatMap'] as const

/**
 * Counts the steps of some work instead of its time: characters, bytes and elements that methods of the language look at. What a regular
 * expression tries at one place is one step.
 */
export function countedWork(work: () => void): number {
  let steps = 0
  const restore: (() => void)[] = []
  const replace = (owner: object, name: string, make: (real: Method) => Method): void => {
    const real = Reflect.get(owner, name) as Method
    const own = Object.hasOwn(owner, name)
    Reflect.set(owner, name, make(real))
    restore.push(() => {
      if (own) Reflect.set(owner, name, real)
      else Reflect.deleteProperty(owner, name)
    })
  }
  for (const [owner, name, cost] of COSTS) {
    replace(
      owner,
      name,
      (real) =>
        function (this: unknown, ...args: unknown[]): unknown {
          const result = Reflect.apply(real, this, args)
          steps += cost(this as never, args as never[], result as never)
          return result
        },
    )
  }
  replace(
    String.prototype,
    'charCodeAt',
    (real) =>
      // Without a list of arguments: this one is called for every character.
      function (this: unknown, index: unknown): unknown {
        steps += 1
        return real.call(this, index)
      },
  )
  for (const name of SEARCHES) {
    replace(
      Array.prototype,
      name,
      (real) =>
        function (this: unknown, ...[each, that]: unknown[]): unknown {
          const counting = (...args: unknown[]): unknown => {
            steps += 1
            return Reflect.apply(each as Method, that, args)
          }
          return Reflect.apply(real, this, [counting])
        },
    )
  }
  replace(
    RegExp.prototype,
    'exec',
    (real) =>
      function (this: unknown, subject: unknown): unknown {
        const form = this as RegExp
        const text = String(subject)
        const from = form.global || form.sticky ? form.lastIndex : 0
        const match = real.call(this, text) as RegExpExecArray | null
        const anchored = form.sticky || isAnchored(form)
        if (match) steps += match.index - from + match[0].length + 1
        else steps += anchored ? 1 : Math.max(0, text.length - from) + 1
        return match
      },
  )
  try {
    work()
  } finally {
    for (const undo of restore.reverse()) undo()
  }
  return steps
}

/** Kept, because to write out the source of an expression takes longer than most of its searches. */
const ANCHORED = new WeakMap<RegExp, boolean>()

function isAnchored(form: RegExp): boolean {
  let anchored = ANCHORED.get(form)
  if (anchored === undefined) {
    const { source } = form
    anchored = source[0] === '^' && source.search(/\|/) < 0
    ANCHORED.set(form, anchored)
  }
  return anchored
}
