import type { ProviderConfig } from '../../providers/settings.ts'
import type { ModelConfig } from './settings.ts'

/** Whether a provider meets what a model requires of its targets. */
export function meetsRequirement(
  { region, zeroRetention }: Pick<ProviderConfig, 'region' | 'zeroRetention'>,
  require: ModelConfig['require'],
): boolean {
  return (
    (require.region.length === 0 || require.region.includes(region)) &&
    (!require.zeroRetention || zeroRetention)
  )
}
