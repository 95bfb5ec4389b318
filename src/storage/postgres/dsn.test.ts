import { expect, test } from 'bun:test'
import { postgresUrl } from './dsn.ts'

test('a URL stays one, and sslmode means what it means to libpq', () => {
  expect(postgresUrl('postgres://u:p%40@h:5433/d')).toBe('postgres://u:p%40@h:5433/d')
  expect(postgresUrl('postgresql://h/d?sslmode=require')).toBe(
    'postgresql://h/d?sslmode=require&uselibpqcompat=true',
  )
  expect(postgresUrl('postgres://h/d?sslmode=verify-full&uselibpqcompat=false')).toBe(
    'postgres://h/d?sslmode=verify-full&uselibpqcompat=false',
  )
})

test('keywords and values become one', () => {
  expect(postgresUrl('host=db port=5433 user=me dbname=traces')).toBe('postgres://me@db:5433/traces')
  expect(postgresUrl(`host = db  user='a b' password='it\\'s \\\\ p@ss/w' dbname=x sslmode=disable`)).toBe(
    "postgres://a%20b:it's%20%5C%20p%40ss%2Fw@db/x?sslmode=disable&uselibpqcompat=true",
  )
  expect(postgresUrl('host=/var/run/postgresql user=me')).toBe(
    'postgres://me@localhost/me?host=%2Fvar%2Frun%2Fpostgresql',
  )
  expect(postgresUrl('host=::1 user=me options=-csearch_path=x')).toBe(
    'postgres://me@[::1]/me?options=-csearch_path%3Dx',
  )
})

test('what is neither is refused without being repeated', () => {
  for (const dsn of ['', 'secret', 'host=db secret', "host='secret", 'postgres://h:secret/d']) {
    try {
      postgresUrl(dsn)
      throw new Error(`${dsn} was taken`)
    } catch (error) {
      expect(String(error)).toContain('the postgres dsn is')
      expect(String(error)).not.toContain('secret')
    }
  }
})
