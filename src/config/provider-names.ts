import { nearest } from '../wire/nearest.ts'
import { quote } from './scalar.ts'
import type { RawKey } from './validate-auth.ts'
import type { RawLimits } from './validate-limits.ts'
import type { RawPii } from './validate-pii.ts'
import type { Wrong } from './validate-providers.ts'

/** The parts of the settings that select by provider name. */
interface Choosing {
  readonly auth: { readonly keys: readonly RawKey[] }
  readonly limits: RawLimits
  readonly pii: RawPii
}

/** Reports names of no provider: a key, limit or scope for one has no effect. @param known names of providers */
export function checkProviderNames(
  { auth, limits, pii }: Choosing,
  known: readonly string[],
  doubtful: Wrong,
): void {
  const named: (readonly [path: string, name: string])[] = [
    ...auth.keys.flatMap(({ providers }, i) =>
      providers.map((name) => [`auth.keys[${i}].providers`, name] as const),
    ),
    ...limits.policies.map(
      ({ match }, i) => [`limits.policies[${i}].match.provider`, match.provider] as const,
    ),
    ...pii.scopes.map(({ match }, i) => [`pii.scopes[${i}].match.provider`, match.provider] as const),
  ]
  for (const [path, text] of named) {
    const name = text.trim()
    if (name === '' || known.includes(name)) continue
    const close = nearest(name, known)
    const hint = close === undefined ? '' : `; did you mean ${close}?`
    doubtful(path, `${path} is not a configured provider, and matches nothing (got ${quote(name)})${hint}`)
  }
}
