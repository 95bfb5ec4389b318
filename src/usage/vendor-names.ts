/** The bundled list's names of providers with other common names. */
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
  // The API's models, paid another way.
  chatgpt: 'openai',
  mistralai: 'mistral',
}

/** The bundled list's name for a provider, by a common one. */
export function vendorNamed(name: string): string {
  return VENDORS[name] ?? name
}
