/** Name of the gateway key's header field, as it is spelled by default. */
export const DEFAULT_KEY_FIELD = 'X-OngoingAI-Gateway-Key'
