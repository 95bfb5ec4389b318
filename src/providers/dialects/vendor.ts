/** What others call a vendor, and where its SDKs look for the gateway. A member is absent if nothing differs or there is none. */
export interface Vendor {
  /** As the provider presets name it. */
  readonly name: string
  /** `gen_ai.provider.name` of the GenAI conventions, where that is not the name. */
  readonly telemetryName?: string
  /** The variables of its SDKs. */
  readonly sdk?: SdkVariables
}

/** Variables that point a vendor's SDKs and tools at the gateway. */
export interface SdkVariables {
  /** Takes the base URL. */
  readonly baseUrl: string
  /** What the base URL ends with, unless the provider's prefix ends so already. */
  readonly version?: '/v1'
  /** Takes further header fields, in lines. */
  readonly headers?: string
  /** Whether the base URL is set even when the provider is off, so that nothing goes around the gateway. */
  readonly always?: true
}
