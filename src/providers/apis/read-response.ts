import type { JsonObject } from '../../wire/json/values.ts'
import { readResponseError } from './response-error.ts'
import type { Reading, WireApi } from './wire-api.ts'

/** Reads a whole JSON response: what its API reads of it, and whether it reports a failure. */
export function readResponse(api: WireApi, reading: Reading, response: JsonObject): void {
  const { usage } = reading
  api.readResponse(reading, response)
  readFailure(api, reading, response, usage)
}

/**
 * Folds one event of a stream: what its API reads of it, and whether it reports a failure.
 *
 * @returns true when the event carried generated content
 */
export function foldEvent(api: WireApi, reading: Reading, event: JsonObject, name: string): boolean {
  const { usage } = reading
  const generated = api.foldEvent(reading, event, name)
  readFailure(api, reading, event, usage)
  return generated
}

/** @param before the usage that had been reported until then */
function readFailure(
  api: WireApi,
  reading: Reading,
  content: JsonObject,
  before: JsonObject | undefined,
): void {
  // A line of a file of results may report its own request's failure. The file itself was delivered.
  const error = api.lines ? undefined : readResponseError(content)
  if (error === undefined) return
  reading.error = error
  // Usage that comes with the failure is final. Earlier usage covers only what went before.
  reading.complete = reading.usage !== before
}
