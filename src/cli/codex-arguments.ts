import type { ClientUrls } from '../config/client-urls.ts'
import type { Environment } from '../config/environment.ts'
import type { CodexLogin } from './codex-login.ts'

/** Where Codex is pointed, and how. */
export interface CodexSettings {
  readonly urls: ClientUrls
  /** In which Codex will run. */
  readonly environment: Environment
  /** Name of the field that takes the gateway key. */
  readonly keyField: string
  /** Variable that holds the gateway key. */
  readonly keyVariable: string
}

/**
 * Arguments that point Codex at the gateway: it ignores `OPENAI_BASE_URL`, and takes a base URL by `-c`. Only a provider of its own can
 * send the gateway key. A ChatGPT log-in needs one too: for its built-in provider, Codex gets the address from chatgpt.com.
 *
 * @param rest the caller's arguments; if they choose a provider, nothing is added
 * @returns a `problem` if the log-in has no route
 */
export function codexArguments(
  rest: readonly string[],
  login: CodexLogin,
  { urls, environment, keyField, keyVariable }: CodexSettings,
): readonly string[] | { readonly problem: string } {
  if (rest.some((word) => /openai_base_url|model_provider/.test(word))) return rest
  const key = environment[keyVariable] ?? ''
  if (login === 'chatgpt' && !takesApiKey(rest, environment)) {
    if (urls.chatgpt === undefined) {
      return {
        problem:
          'Codex is logged in with ChatGPT, and the provider chatgpt is switched off; set providers.chatgpt.enabled: true, or log Codex in with an API key',
      }
    }
    return [
      ...provider(
        urls.chatgpt,
        ['requires_openai_auth=true', 'supports_websockets=true'],
        key && keyField,
        keyVariable,
      ),
      ...rest,
    ]
  }
  if (key === '') return ['-c', `openai_base_url=${JSON.stringify(urls.openai)}`, ...rest]
  return [...provider(urls.openai, ['env_key="OPENAI_API_KEY"'], keyField, keyVariable), ...rest]
}

/** `codex exec` takes an API key from the environment, whatever the log-in is. */
function takesApiKey(rest: readonly string[], environment: Environment): boolean {
  return (environment['CODEX_API_KEY'] ?? '') !== '' && rest.some((word) => word === 'exec' || word === 'e')
}

/** A provider of Codex's own. @param keyField empty without a gateway key */
function provider(url: string, auth: readonly string[], keyField: string, keyVariable: string): string[] {
  const settings = [
    'name="OngoingAI Gateway"',
    `base_url=${JSON.stringify(url)}`,
    'wire_api="responses"',
    ...auth,
    ...(keyField === ''
      ? []
      : [`env_http_headers={ ${JSON.stringify(keyField)}=${JSON.stringify(keyVariable)} }`]),
  ]
  return ['-c', 'model_provider="ongoingai"', '-c', `model_providers.ongoingai={ ${settings.join(', ')} }`]
}
