/** Wire dialects a provider may speak; they decide how usage is read and how refusals are written. */
export type Dialect = 'openai' | 'anthropic' | 'gemini' | 'mistral' | 'cohere' | 'ollama' | 'azure'
