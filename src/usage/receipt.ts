import type { Cost, ReceiptLine, TokenLine } from './cost.ts'
import { tokensCost, tokensNanoUsd, toNanoUsd, unitsCost, usdAmount, type Amount } from './money.ts'
import type { MatchedName } from './model-rates.ts'
import { addQuantities } from './usage.ts'

/** Merges lines of the same model, kind and rate, so that a batch of thousands has a short receipt. */
export class Receipt {
  readonly #merges: boolean
  readonly #lines: ReceiptLine[] = []
  /** Index of a line of that kind in `#lines`. */
  readonly #places = new Map<string, number>()
  readonly #notes: string[] = []
  #list = ''
  #matched: MatchedName | undefined

  /** @param merges whether several bills are added; a single bill has no equal lines */
  constructor(merges: boolean) {
    this.#merges = merges
  }

  list(name: string): void {
    if (this.#list === '' || this.#list === 'provider' || name === 'assumed') this.#list = name
  }

  /** The first one represents the response. */
  matched(name: MatchedName): void {
    this.#matched ??= name
  }

  note(text: string): void {
    if (!this.#notes.includes(text)) this.#notes.push(text)
  }

  charge(model: string, usd: number): void {
    if (this.#list === '') this.#list = 'provider'
    this.#lines.push({ model, bucket: 'provider_charge', quantity: 1, price_usd: usd, price_per: 1 })
  }

  add(line: ReceiptLine): void {
    if (!this.#merges) return void this.#lines.push(line)
    const rate = 'tokens' in line ? line.usd_per_million : line.price_usd
    const { model, bucket, factor = 1, list = '', discount = 0 } = line
    const rule = 'tokens' in line ? line.rule : ''
    const key = [model, bucket, rate, factor, list, discount, rule].join('\n')
    const place = this.#places.get(key)
    if (place === undefined) {
      this.#places.set(key, this.#lines.length)
      this.#lines.push(line)
      return undefined
    }
    const before = this.#lines[place]!
    if ('tokens' in line && 'tokens' in before) {
      this.#lines[place] = { ...before, tokens: before.tokens + line.tokens }
    } else if ('quantity' in line && 'quantity' in before) {
      this.#lines[place] = { ...before, quantity: addQuantities(before.quantity, line.quantity) }
    }
    return undefined
  }

  cost(): Cost {
    const lines = this.#lines
    const notes = this.#notes
    const totalNanoUsd = nanoUsdOf(lines)
    // Most costs are exact.
    if (notes.length === 0 && this.#matched)
      return { status: 'exact', totalNanoUsd, priceList: this.#list, lines, matched: this.#matched }
    return {
      status: notes.length > 0 ? 'estimated' : 'exact',
      totalNanoUsd,
      priceList: this.#list,
      lines,
      ...(this.#matched ? { matched: this.#matched } : {}),
      ...(notes.length > 0 ? { note: notes.join('; ') } : {}),
    }
  }
}

/** The sum of the lines, in whole nano-USD. */
function nanoUsdOf(lines: readonly ReceiptLine[]): number {
  const quick = lines.every(isListed) ? tokensNanoUsd(lines) : undefined
  return quick ?? toNanoUsd(lines.reduce<Amount>((sum, line) => sum + lineAmount(line), 0n))
}

function isListed(line: ReceiptLine): line is TokenLine {
  return 'tokens' in line && line.factor === undefined
}

/** The exact amount of a receipt line. Lines are summed first and rounded once. */
export function lineAmount(line: ReceiptLine): Amount {
  const permille = Math.round((line.factor ?? 1) * 1000)
  if ('tokens' in line) return tokensCost(line.tokens, line.usd_per_million, permille)
  if (line.bucket === 'provider_charge') return usdAmount(line.price_usd)
  return unitsCost(line.quantity, line.price_usd, line.price_per, permille)
}
