import http from 'node:http'

/**
 * Largest head of a request, in bytes: 64 KiB of fields, and 1 KiB for the request line. For a larger one, the server
 * underneath responds with 431 before our code sees it.
 */
const MAX_HEAD_BYTES = 65 * 1024

/**
 * Lets all listeners of the process accept large heads. The runtime's default is 16 KiB. A larger limit set with
 * `--max-http-header-size` stays.
 *
 * The runtime has one limit for `node:http` and `Bun.serve`. Its types say read-only, as in Node.js. In Bun it can be
 * set.
 */
export function acceptLargeHeads(): void {
  Reflect.set(http, 'maxHeaderSize', Math.max(http.maxHeaderSize, MAX_HEAD_BYTES))
}
