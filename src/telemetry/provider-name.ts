/** Providers as the GenAI conventions call them, where that is not their own name. */
const PROVIDERS: Readonly<Record<string, string>> = {
  azure: 'azure.ai.openai',
  bedrock: 'aws.bedrock',
  chatgpt: 'openai',
  gemini: 'gcp.gemini',
  vertex: 'gcp.vertex_ai',
  mistral: 'mistral_ai',
  xai: 'x_ai',
}

/** The name of a provider in the GenAI conventions. */
export function providerName(provider: string): string {
  return PROVIDERS[provider] ?? provider
}
