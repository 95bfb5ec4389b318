/** What a text in percent-encoding says. Wrong escapes are left as they are, as most servers do. */
export function percentDecoded(text: string): string {
  return text.includes('%')
    ? text.replaceAll(/(?:%[0-9a-f]{2})+/gi, (run) =>
        Buffer.from(run.replaceAll('%', ''), 'hex').toString('utf8'),
      )
    : text
}
