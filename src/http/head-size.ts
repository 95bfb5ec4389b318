import http from 'node:http'

/**
 * Largest head of a request, in bytes: 64 KiB of fields, and 1 KiB for the request line. A larger one is answered with 431 by the server
 * underneath, before any of our code sees it.
 */
const MAX_HEAD_BYTES = 65 * 1024

/**
 * Lets all listeners of the process take large heads; by itself the runtime stops at 16 KiB. A larger limit that the runtime was started
 * with (`--max-http-header-size`) stays.
 *
 * The runtime has one limit for `node:http` and `Bun.serve`. Its types call it read-only, as it is in Node.js; in Bun it can be set.
 */
export function acceptLargeHeads(): void {
  Reflect.set(http, 'maxHeaderSize', Math.max(http.maxHeaderSize, MAX_HEAD_BYTES))
}
