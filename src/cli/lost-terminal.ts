import { closeSync, constants, openSync, readFileSync } from 'node:fs'
import { isatty } from 'node:tty'

/**
 * Watches the terminal that the process was started from. Called once at the start, before SIGHUP is listened to.
 *
 * @returns whether that terminal is gone; never when there was none, or when the process must outlive it
 */
export function lostTerminal(): () => boolean {
  const watched = hasTerminal() && !ignoresHangUp()
  return () => watched && !hasTerminal()
}

/** Whether the process has a controlling terminal. @see tty(4) */
function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', constants.O_RDWR | constants.O_NOCTTY))
    return true
  } catch {
    return false
  }
}

/** Whether the process was started with SIGHUP ignored, as `nohup` does. */
function ignoresHangUp(): boolean {
  try {
    const [, mask = '0'] = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
    return (BigInt(`0x${mask}`) & 1n) === 1n
  } catch {
    // Only Linux shows it. `nohup` leaves none of the three on the terminal.
    return ![0, 1, 2].some((fd) => isatty(fd))
  }
}
