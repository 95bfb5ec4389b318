/** How a tier, a mode or a place changes the list price. */
export interface PriceFactor {
  /** Thousandths of the list price. */
  readonly permille: number
  /** Why the figure is not certain; absent when it is. */
  readonly note?: string
}

/** The list price itself. */
export const LIST_PRICE: PriceFactor = { permille: 1000 }
