import type { Storage } from '../../src/storage/contract/storage.ts'
import { analyticsContract } from './analytics-contract.ts'
import { auditTrailContract } from './audit-trail-contract.ts'
import { databaseContract } from './database-contract.ts'
import { limitRecordsContract } from './limit-records-contract.ts'
import { spendLedgerContract } from './spend-ledger-contract.ts'
import { tenantDirectoryContract } from './tenant-directory-contract.ts'
import { traceMaintenanceContract } from './trace-maintenance-contract.ts'
import { tracesContract } from './traces-contract.ts'

/** The suites of all interfaces that a store implements. To add one: its file and a line here. */
const SUITES: readonly ((name: string, open: () => Promise<Storage>) => void)[] = [
  tracesContract,
  analyticsContract,
  traceMaintenanceContract,
  tenantDirectoryContract,
  auditTrailContract,
  spendLedgerContract,
  limitRecordsContract,
  databaseContract,
]

/** What every store must do, interface by interface. `open` gives an empty store. */
export function storageContract(name: string, open: () => Promise<Storage>): void {
  for (const suite of SUITES) suite(name, open)
}
