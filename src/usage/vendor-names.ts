/** The bundled list's names of providers that are commonly called otherwise. */
const VENDORS: Readonly<Record<string, string>> = {
  gemini: 'google',
  vertex: 'google',
  'vertex-ai': 'google',
  vertex_ai: 'google',
  xai: 'x-ai',
  grok: 'x-ai',
  bedrock: 'aws',
  'bedrock-mantle': 'aws',
  voyage: 'voyageai',
  moonshot: 'moonshotai',
  'azure-openai': 'azure',
  // The models of the API, by another way of paying.
  chatgpt: 'openai',
  mistralai: 'mistral',
}

/** The bundled list's name for a provider, by a common one. */
export function vendorNamed(name: string): string {
  return VENDORS[name] ?? name
}
