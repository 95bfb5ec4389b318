/** Largest number of models in a list. The largest public list has about 3,000. */
export const MOST_MODELS = 20_000

/** Longest name of a provider or model. */
export const MOST_NAME = 300
