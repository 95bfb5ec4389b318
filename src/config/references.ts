import type { Environment } from './environment.ts'

/** A text with its references resolved, or why that failed. */
export type Resolved =
  | {
      readonly kind: 'resolved'
      readonly text: string
      /** The variables in it. */
      readonly variables: readonly string[]
    }
  | { readonly kind: 'problem'; readonly problem: string }

/** A literal `${`, or a placeholder in braces behind a dollar. */
const REFERENCE = /\$\$\{|\$\{([^{}]*)\}/g

const VARIABLE = /^env:([A-Za-z_][A-Za-z0-9_]*)$/

/** Another program's syntax for a variable. */
const OS_ENVIRON = /^os\.environ\/([A-Za-z_][A-Za-z0-9_]*)$/

/**
 * Resolves `${env:NAME}` in a text of the configuration file; `$${` stands for `${` itself.
 *
 * Other placeholders are ordinary texts, except where a secret is expected. There a variable was meant, and the
 * placeholder would become the secret.
 */
export function resolveReferences(text: string, secret: boolean, environment: Environment): Resolved {
  const variables: string[] = []
  let problem: string | undefined
  const foreign = secret ? OS_ENVIRON.exec(text.trim())?.[1] : undefined
  if (foreign !== undefined)
    problem = `holds ${text.trim()}, which is not resolved here; write \${env:${foreign}}`
  const resolved = text.replace(REFERENCE, (whole, inside: string | undefined) => {
    if (inside === undefined) return '${'
    const name = VARIABLE.exec(inside)?.[1]
    if (name !== undefined) {
      const value = environment[name] ?? ''
      if (value === '')
        problem ??= `the variable ${name} is not set, or empty; set it where the gateway is started`
      variables.push(name)
      return value
    }
    if (/^\s*env\b/i.test(inside)) problem ??= `${whole} names no variable; write \${env:NAME}`
    else if (secret) problem ??= `holds the placeholder ${whole}, which is not resolved; ${hint(inside)}`
    return whole
  })
  return problem === undefined
    ? { kind: 'resolved', text: resolved, variables }
    : { kind: 'problem', problem }
}

/** What to write instead. */
function hint(inside: string): string {
  const name = /^[A-Za-z_][A-Za-z0-9_]*/.exec(inside)?.[0] ?? 'NAME'
  return `write \${env:${name}}, or $\${${inside}} where these characters are meant`
}

/**
 * What is wrong with a secret that came from a variable: a placeholder that was never replaced.
 *
 * @returns `undefined` for nothing
 */
export function placeholderProblem(text: string): string | undefined {
  const placeholder = /^(?:\$\{[^{}]*\}|os\.environ\/\w+)$/.test(text.trim())
  return placeholder ? `holds the placeholder ${text.trim()} instead of a secret` : undefined
}
