import { type JsonObject, objectOf, textOf } from '../wire/json/values.ts'

/** What was seen of the request's content. */
export interface RequestReading {
  model?: string | undefined
  stream: boolean
  /** The whole request, when it was small enough to be parsed: estimates read its text. */
  whole?: JsonObject
  /** The members that are read whatever its size; a form's fields are texts. */
  members?: JsonObject
}

/** The model that a request's content names; `undefined` when it names none. */
export function modelNamed(object: JsonObject): string | undefined {
  return textOf(object['model']) ?? textOf(objectOf(object['message'])?.['model'])
}
