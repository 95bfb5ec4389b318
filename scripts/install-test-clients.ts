// Before a run of all tests: a process that has looked for a package in vain does not find it once it is installed.
import { installTestPackage } from '../test/support/test-package.ts'

await installTestPackage('clients')
