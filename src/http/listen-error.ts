/** The gateway cannot listen on an address. The message is the system's. */
export class ListenError extends Error {
  override readonly name = 'ListenError'
  readonly host: string
  readonly port: number
  /** The settings that hold host and port; the same where one holds both. */
  readonly settings: { readonly host: string; readonly port: string }
  /** Another listener has the port. */
  readonly taken: boolean
  /** This user may not listen on the port. */
  readonly denied: boolean

  constructor(address: Pick<ListenError, 'host' | 'port' | 'settings'>, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause })
    this.host = address.host
    this.port = address.port
    this.settings = address.settings
    const { code } = cause as { code?: string }
    this.taken = code === 'EADDRINUSE'
    this.denied = code === 'EACCES'
  }
}
