import type { Migration } from './migrations.ts'

/** How many attempts an exchange took, and which target served it. Null for what is usual, so that most rows stay as small as they were. */
export const attemptColumns: Migration = {
  name: '020_attempts',
  statements: ({ text }) => [
    `ALTER TABLE traces ADD COLUMN attempts INTEGER`,
    `ALTER TABLE traces ADD COLUMN target ${text}`,
  ],
}
