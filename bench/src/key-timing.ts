import { hmacOf } from '../../src/access/key-hash.ts'
import { NO_RULES } from '../../src/access/key-rules.ts'
import type { StoredGatewayKey } from '../../src/access/key-store.ts'
import { newToken } from '../../src/access/key-token.ts'
import { Keyring } from '../../src/access/keyring.ts'

const PEPPER = '0123456789abcdef0123456789abcdef'
const KEYS = 1000
const CHECKS = 400_000
const WARM = 20_000

/** Beyond it a difference is no accident (Reparaz et al., "Dude, is my code constant time?"). */
const TELLING = 4.5

/**
 * Whether the time of refusing a token tells how much of it is right: tokens that differ from a key's in their last character beside tokens that
 * have nothing in common with any. Welch's t over checks in random order, the slowest tenth left out.
 */
export function keyTiming(): void {
  // Two rings, and the same strings for both kinds: what is near to one's keys is far from the other's.
  const sides = [0, 1].map(() => {
    const tokens = Array.from({ length: KEYS }, newToken)
    const hashing = { peppers: [PEPPER], adopt: (): void => undefined }
    return {
      keyring: new Keyring([], tokens.map(stored), hashing, () => Infinity),
      wrong: tokens.map((token) => token.slice(0, -1) + (token.endsWith('A') ? 'B' : 'A')),
    }
  })
  const times: [near: number[], far: number[]] = [[], []]
  for (let i = 0; i < CHECKS + WARM; i++) {
    const kind = Math.random() < 0.5 ? 0 : 1
    const side = Math.random() < 0.5 ? 0 : 1
    const { keyring } = sides[side]!
    const token = sides[kind === 0 ? side : 1 - side]!.wrong[Math.floor(Math.random() * KEYS)]!
    let refused = false
    const fields = { 'x-key': token }
    const from = Bun.nanoseconds()
    try {
      keyring.authenticate(fields, 'x-key', 0)
    } catch {
      refused = true
    }
    const took = Bun.nanoseconds() - from
    if (!refused) throw new Error('a wrong token passed')
    // The first are those of a program that is still being compiled.
    if (i >= WARM) times[kind].push(took)
  }
  const [a, b] = times.map((values) => {
    const kept = values.sort((x, y) => x - y).slice(0, Math.floor(values.length * 0.9))
    const mean = kept.reduce((sum, value) => sum + value, 0) / kept.length
    const variance = kept.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (kept.length - 1)
    return { count: kept.length, mean, variance }
  }) as [Sample, Sample]
  const t = (a.mean - b.mean) / Math.sqrt(a.variance / a.count + b.variance / b.count)
  console.log(
    `all but the last character right: ${a.mean.toFixed(0)} ns; nothing right: ${b.mean.toFixed(0)} ns; ${a.count} and ${b.count} checks; t = ${t.toFixed(2)} (tells nothing below ${TELLING})`,
  )
  if (Math.abs(t) > TELLING) process.exitCode = 1
}

interface Sample {
  readonly count: number
  readonly mean: number
  readonly variance: number
}

function stored(token: string, i: number): StoredGatewayKey {
  return {
    id: `key-${i}`,
    organizationId: 'o',
    workspaceId: 'w',
    name: '',
    description: '',
    createdBy: 'bench',
    role: 'viewer',
    scope: 'workspace',
    permissions: [],
    labels: {},
    rules: NO_RULES,
    limits: [],
    prefix: '',
    hash: hmacOf(PEPPER, token),
    scheme: 'hmac-sha256',
    previous: null,
    createdAtUs: 1,
    updatedAtUs: 1,
    expiresAtUs: null,
    lastUsedAtUs: null,
    revokedAtUs: null,
  }
}
