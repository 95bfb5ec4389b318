/** Milliseconds below which every value has a bucket of its own; above, a bucket is at most 1/1024 of its value wide. */
const EXACT = 2048
const HALF = EXACT / 2

/** Latencies past this count as this (24 days). */
const LARGEST_MS = 2 ** 31 - 1

/**
 * How often each latency occurred. Whole milliseconds below 2048 are exact; larger ones are rounded down to a bucket, by
 * less than 0.1 %. Histograms of parts add up to the histogram of the whole, in any order.
 */
export class LatencyHistogram {
  readonly #counts = new Map<number, number>()
  #total = 0

  /** How many latencies it holds. */
  get total(): number {
    return this.#total
  }

  /** @param ms whole milliseconds, not negative */
  add(ms: number, count = 1): void {
    this.#count(bucketOf(ms), count)
  }

  addAll(other: LatencyHistogram): void {
    for (const [bucket, count] of other.#counts) this.#count(bucket, count)
  }

  copy(): LatencyHistogram {
    const copy = new LatencyHistogram()
    copy.addAll(this)
    return copy
  }

  /** Adds another histogram, from its encoded form. @throws RangeError when that ends too early */
  addEncoded(bytes: Uint8Array): void {
    for (const encoded = new EncodedHistogram(bytes); encoded.bucket !== Infinity; encoded.next())
      this.#count(encoded.bucket, encoded.count)
  }

  /**
   * Pairs of distance to the bucket before and count, ascending, as variable-length integers (LEB128).
   *
   * @param stored another histogram in this form, which is added: the buckets of both are in order already
   * @throws RangeError when `stored` ends too early
   */
  encode(stored: Uint8Array = EMPTY): Uint8Array {
    const bytes = new Uint8Array(stored.length + this.#counts.size * LONGEST_PAIR)
    let length = 0
    let before = 0
    const put = (bucket: number, count: number): void => {
      length = putInteger(bytes, length, bucket - before)
      length = putInteger(bytes, length, count)
      before = bucket
    }
    const other = new EncodedHistogram(stored)
    for (const bucket of this.#buckets()) {
      for (; other.bucket < bucket; other.next()) put(other.bucket, other.count)
      let count = this.#counts.get(bucket)!
      if (other.bucket === bucket) {
        count += other.count
        other.next()
      }
      put(bucket, count)
    }
    for (; other.bucket !== Infinity; other.next()) put(other.bucket, other.count)
    return bytes.slice(0, length)
  }

  /**
   * Percentiles by linear interpolation between the neighbouring ranks (as PostgreSQL's `percentile_cont`).
   *
   * @param shares each from 0 to 1
   * @returns milliseconds to three decimals, in the order of the shares; 0 for an empty histogram
   */
  percentiles(shares: readonly number[]): number[] {
    const sorted = this.#sorted()
    return shares.map((share) => {
      if (this.#total === 0) return 0
      const rank = share * (this.#total - 1)
      const lower = Math.floor(rank)
      const [low, high] = at(sorted, lower)
      return Math.round((low + (high - low) * (rank - lower)) * 1000) / 1000
    })
  }

  #count(bucket: number, count: number): void {
    this.#counts.set(bucket, (this.#counts.get(bucket) ?? 0) + count)
    this.#total += count
  }

  #sorted(): [bucket: number, count: number][] {
    return this.#buckets().map((bucket) => [bucket, this.#counts.get(bucket)!])
  }

  /** Ascending. */
  #buckets(): readonly number[] {
    const buckets = [...this.#counts.keys()]
    // Integers sort without a call for each pair.
    return buckets.length > 1 ? Array.from(new Int32Array(buckets).sort()) : buckets
  }
}

const EMPTY = new Uint8Array()

/** Bytes of a bucket and its count: below 2^31 and 2^53, seven bits each. */
const LONGEST_PAIR = 5 + 8

/** An encoded histogram, read bucket by bucket. */
class EncodedHistogram {
  /** The current one; Infinity at the end. */
  bucket = 0
  count = 0
  readonly #bytes: Uint8Array
  #position = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.next()
  }

  /** @throws RangeError when the bytes end within a bucket */
  next(): void {
    if (this.#position === this.#bytes.length) {
      this.bucket = Infinity
      return
    }
    this.bucket += this.#integer()
    this.count = this.#integer()
  }

  #integer(): number {
    let value = 0
    for (let scale = 1; ; scale *= 0x80) {
      if (this.#position === this.#bytes.length) throw new RangeError('latency histogram ends too early')
      const byte = this.#bytes[this.#position++]!
      if (byte < 0x80) return value + byte * scale
      value += (byte - 0x80) * scale
    }
  }
}

/** @returns where the next one begins */
function putInteger(bytes: Uint8Array, position: number, value: number): number {
  let rest = value
  let next = position
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes[next++] = (rest % 0x80) | 0x80
  bytes[next++] = rest
  return next
}

/** The values of the ranks `rank` and `rank + 1`; past the end, the last value is used. */
function at(sorted: readonly (readonly [bucket: number, count: number])[], rank: number): [number, number] {
  let seen = 0
  for (const [i, [bucket, count]] of sorted.entries()) {
    seen += count
    if (seen <= rank) continue
    const low = lowestOf(bucket)
    const next = sorted[i + 1]
    return [low, seen > rank + 1 || !next ? low : lowestOf(next[0])]
  }
  throw new RangeError('rank past the end of the histogram')
}

function bucketOf(ms: number): number {
  const value = Math.min(Math.max(Math.trunc(ms), 0), LARGEST_MS)
  if (value < EXACT) return value
  const shift = 21 - Math.clz32(value)
  return HALF * shift + (value >> shift)
}

function lowestOf(bucket: number): number {
  if (bucket < EXACT) return bucket
  const shift = Math.floor(bucket / HALF) - 1
  return (bucket - HALF * shift) * 2 ** shift
}
