/** Nano-USD in a dollar. Money is whole nano-USD inside, decimal USD at the edge. */
const NANO = 1_000_000_000n

/** Amounts are summed in units of 10^-18 USD, so that tokens × rate × factor never rounds before the end. */
const UNITS_PER_NANO = 1_000_000_000n

/** An exact amount of money in 10^-18 USD. */
export type Amount = bigint

/**
 * Reads a decimal number, exactly as written in its shortest form, as an integer of 10^-`digits`.
 *
 * @throws RangeError for what is not finite or has more digits than that
 */
export function scaled(value: number, digits: number): bigint {
  if (!Number.isFinite(value)) throw new RangeError(`not a finite number: ${value}`)
  const [mantissa = '0', exponent = '0'] = String(Math.abs(value)).split('e')
  const [whole = '0', fraction = ''] = mantissa.split('.')
  const shift = digits + Number(exponent) - fraction.length
  const number = BigInt(whole + fraction)
  const result = shift >= 0 ? number * 10n ** BigInt(shift) : number / 10n ** BigInt(-shift)
  return value < 0 ? -result : result
}

/** Caches scaled rates, because they repeat. */
const SCALED_RATES = new Map<number, bigint>()
const SCALED_RATES_LIMIT = 10_000

function scaledRate(rate: number): bigint {
  let scaledOnce = SCALED_RATES.get(rate)
  if (scaledOnce === undefined) {
    scaledOnce = scaled(rate, 9)
    if (SCALED_RATES.size < SCALED_RATES_LIMIT) SCALED_RATES.set(rate, scaledOnce)
  }
  return scaledOnce
}

/**
 * What tokens cost.
 *
 * @param usdPerMillion at most 9 decimals count
 * @param permille factor of a service tier in thousandths: 1000 for the list price
 */
export function tokensCost(tokens: number, usdPerMillion: number, permille: number): Amount {
  // tokens × (rate × 10^9) / 10^6 nano-USD × permille / 1000 = … × 10^-18 USD: the divisors cancel to none.
  return BigInt(tokens) * scaledRate(usdPerMillion) * BigInt(permille)
}

/**
 * The sum of what tokens cost at their list price, rounded half up to whole nano-USD, without big integers.
 *
 * @param lines tokens, and USD per million of which at most 9 decimals count
 * @returns `undefined` if the sum is too large for a number to hold it exactly
 */
export function tokensNanoUsd(
  lines: readonly { readonly tokens: number; readonly usd_per_million: number }[],
): number | undefined {
  // In 10^-15 USD.
  let sum = 0
  for (const { tokens, usd_per_million: rate } of lines) {
    const amount = tokens * Number(scaledRate(rate))
    sum += amount
    if (!Number.isSafeInteger(tokens) || !(amount >= 0) || sum >= EXACT_SUM) return undefined
  }
  sum += PER_NANO / 2
  return (sum - (sum % PER_NANO)) / PER_NANO
}

const PER_NANO = 1_000_000
/** Far below what a number holds exactly, so that neither a product nor a sum has been rounded. */
const EXACT_SUM = 2 ** 52

/** A rate times a factor, as a decimal of at most 9 digits: 3 × 0.1 is 0.3. */
export function timesFactor(rate: number, factor: number): number {
  return Math.round(rate * factor * 1e9) / 1e9
}

/**
 * The cost of an amount of other units, given a price for `per` of them. The amount may have a fraction (seconds). A
 * division with a remainder is cut at 10^-18 USD.
 */
export function unitsCost(quantity: number, usd: number, per: number, permille: number): Amount {
  return (scaled(quantity, 9) * scaledRate(usd) * BigInt(permille)) / (BigInt(per) * 1000n)
}

/** A cost in USD as a provider reports it. */
export function usdAmount(usd: number): Amount {
  return scaled(usd, 18)
}

/** Whole nano-USD, rounded half up, once. */
export function toNanoUsd(amount: Amount): number {
  return Number((amount + UNITS_PER_NANO / 2n) / UNITS_PER_NANO)
}

/** Nano-USD as the USD number of the JSON contract. */
export function nanoToUsd(nano: number): number {
  return Number(`${nano}e-9`)
}

/** An amount as the USD number of the JSON contract, not rounded to nano-USD. */
export function amountToUsd(amount: Amount): number {
  return Number(`${amount}e-18`)
}

/**
 * Formats nano-USD (0 or more, rounded to whole ones) as USD for people, with 1 to 9 decimals. It uses more decimals
 * if those would hide a small amount. Below a thousandth nothing is rounded: `0.0000045` is never `0.00`.
 */
export function usdText(nano: number, decimals = 6): string {
  const whole = Math.round(nano)
  // Of the nine decimals, those before the first digit of the amount.
  const zeros = whole === 0 ? 0 : 9 - String(whole).length
  const shown = zeros > 2 ? 9 : Math.max(decimals, zeros + 3)
  const [units = '', fraction = ''] = decimalText(whole, shown).split('.')
  return `${units}.${fraction.slice(0, decimals)}${fraction.slice(decimals).replace(/0+$/, '')}`
}

/** Nano-USD with a fixed number of decimals, rounded half up. */
function decimalText(nano: number, decimals: number): string {
  const step = 10n ** BigInt(9 - decimals)
  const rounded = (BigInt(nano) + step / 2n) / step
  const unit = NANO / step
  const whole = rounded / unit
  return `${whole}.${String(rounded % unit).padStart(decimals, '0')}`
}
