/** A platform that executables are built for. */
export interface Platform {
  /** Of the executable in a release: `ongoingai_linux_amd64`. */
  readonly asset: string
  readonly bunTarget: string
  /** Of the npm package that carries it: `@ongoingai/gateway-linux-x64`. */
  readonly npmSuffix: string
  readonly os: 'linux' | 'darwin' | 'win32'
  readonly cpu: 'x64' | 'arm64'
  /** Of Linux only. */
  readonly libc?: 'glibc' | 'musl'
}

/** Every platform. To add one: a line here. */
export const PLATFORMS: readonly Platform[] = [
  {
    asset: 'ongoingai_linux_amd64',
    bunTarget: 'bun-linux-x64',
    npmSuffix: 'linux-x64',
    os: 'linux',
    cpu: 'x64',
    libc: 'glibc',
  },
  {
    asset: 'ongoingai_linux_arm64',
    bunTarget: 'bun-linux-arm64',
    npmSuffix: 'linux-arm64',
    os: 'linux',
    cpu: 'arm64',
    libc: 'glibc',
  },
  {
    asset: 'ongoingai_linux_amd64_musl',
    bunTarget: 'bun-linux-x64-musl',
    npmSuffix: 'linux-x64-musl',
    os: 'linux',
    cpu: 'x64',
    libc: 'musl',
  },
  {
    asset: 'ongoingai_linux_arm64_musl',
    bunTarget: 'bun-linux-arm64-musl',
    npmSuffix: 'linux-arm64-musl',
    os: 'linux',
    cpu: 'arm64',
    libc: 'musl',
  },
  {
    asset: 'ongoingai_darwin_amd64',
    bunTarget: 'bun-darwin-x64',
    npmSuffix: 'darwin-x64',
    os: 'darwin',
    cpu: 'x64',
  },
  {
    asset: 'ongoingai_darwin_arm64',
    bunTarget: 'bun-darwin-arm64',
    npmSuffix: 'darwin-arm64',
    os: 'darwin',
    cpu: 'arm64',
  },
  {
    asset: 'ongoingai_windows_amd64.exe',
    bunTarget: 'bun-windows-x64',
    npmSuffix: 'win32-x64',
    os: 'win32',
    cpu: 'x64',
  },
]
