/** Normalises a configured prefix: leading `/` added, trailing `/` removed; empty and `/` give `/`. */
export function normalisePrefix(prefix: string): string {
  return `/${prefix.trim().replace(/^\/+|\/+$/g, '')}`
}

/** Whether a path is the prefix or lies below it, segment-wise. The prefix is normalised. */
export function hasPrefix(path: string, prefix: string): boolean {
  if (prefix === '/') return true
  return path === prefix || (path.startsWith(prefix) && path.charCodeAt(prefix.length) === 47)
}
