import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The browser of this machine; `null` where there is none. */
export const CHROMIUM =
  Bun.which('chromium') ?? Bun.which('chromium-browser') ?? Bun.which('google-chrome-stable')

const SWITCHES = [
  '--headless',
  '--no-sandbox',
  '--no-first-run',
  '--remote-debugging-port=0',
  '--host-resolver-rules=MAP *.example 127.0.0.1',
  ...[
    'gpu',
    'quic',
    'background-networking',
    'component-update',
    'sync',
    'dev-shm-usage',
    'default-apps',
  ].map((feature) => `--disable-${feature}`),
]

/** What a page found out. */
export type Findings = Readonly<Record<string, string>>

/** A web server of pages that run a script and tell what came of it. Every name that ends in `.example` is its own. */
export class Pages {
  readonly #server: Bun.Server<undefined>
  #script = ''
  #parameters: Readonly<Record<string, string>> = {}
  #found: (findings: Findings) => void = () => {}
  /** Called when a page has everything that it needs of this server. */
  onScript: () => void = () => {}

  private constructor() {
    this.#server = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: (request) => this.#answer(request),
    })
  }

  static start(): Pages {
    return new Pages()
  }

  get port(): number {
    return this.#server.port!
  }

  /**
   * Opens a page in a browser of its own and runs a script in it.
   *
   * @param host of the page, and port if there is another way to this server
   * @param script of `test/fixtures/pages`
   * @param parameters for the script
   */
  async visit(
    host: string,
    script: string,
    parameters: Readonly<Record<string, string>> = {},
  ): Promise<Findings> {
    this.#script = readFileSync(join(import.meta.dir, '../fixtures/pages', script), 'utf8')
    this.#parameters = parameters
    const findings = new Promise<Findings>((resolve) => (this.#found = resolve))
    const profile = mkdtempSync(join(tmpdir(), 'ongoingai-chromium-'))
    const url = `http://${host.includes(':') ? host : `${host}:${this.port}`}/`
    const browser = Bun.spawn([CHROMIUM!, ...SWITCHES, `--user-data-dir=${profile}`, url], {
      stdout: 'ignore',
      stderr: 'ignore',
      env: { ...process.env, HOME: profile },
    })
    try {
      const ended = browser.exited.then((code) => {
        throw new Error(`the browser ended with ${code} before its page was done`)
      })
      return await Promise.race([findings, ended])
    } finally {
      browser.kill('SIGKILL')
      await browser.exited
      rmSync(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
    }
  }

  async stop(): Promise<void> {
    await this.#server.stop(true)
  }

  async #answer(request: Request): Promise<Response> {
    switch (new URL(request.url).pathname) {
      case '/':
        return new Response(this.#page(), { headers: { 'content-type': 'text/html' } })
      case '/script.js':
        this.onScript()
        return new Response(this.#script, { headers: { 'content-type': 'text/javascript' } })
      case '/findings':
        this.#found(JSON.parse(await request.text()) as Findings)
        return new Response(null, { status: 204 })
      default:
        return new Response(null, { status: 404 })
    }
  }

  /** Its findings go to a name of their own: the page's may mean the gateway by then. */
  #page(): string {
    const to = `http://findings.example:${this.port}/findings`
    return `<!doctype html><meta charset=utf-8><body><script type=module>
      import run from './script.js'
      run(${JSON.stringify(this.#parameters)})
        .catch((error) => ({ failed: String(error) }))
        .then((found) => fetch('${to}', { method: 'POST', mode: 'no-cors', body: JSON.stringify(found) }))
    </script>`
  }
}
