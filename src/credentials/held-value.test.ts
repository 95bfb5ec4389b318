import { expect, test } from 'bun:test'
import { inspect } from 'node:util'
import { HeldValue } from './held-value.ts'

const VALUE = 'sk-held-canary'

test('a held value shows itself nowhere but where it is revealed', () => {
  const value = new HeldValue(VALUE)
  const holder = { name: 'main', value }
  const shown = [
    String(value),
    JSON.stringify(holder),
    inspect(holder, { depth: 9, showHidden: true }),
    Bun.inspect(holder),
    Object.entries(value).join(),
    new Error('refused ' + String(value)).message,
    JSON.stringify(structuredClone({ value })),
  ]
  expect(shown.filter((text) => text?.includes(VALUE))).toEqual([])
  expect(value.reveal()).toBe(VALUE)
})

test('values are the same when their texts are', () => {
  expect(new HeldValue(VALUE).equals(new HeldValue(VALUE))).toBe(true)
  expect(new HeldValue(VALUE).equals(new HeldValue('other'))).toBe(false)
  expect(new HeldValue(VALUE).equals(undefined)).toBe(false)
})
