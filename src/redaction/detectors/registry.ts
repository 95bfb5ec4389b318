import { creditCard } from './credit-card.ts'
import type { Detector } from './detector.ts'
import { email } from './email.ts'
import { iban } from './iban.ts'
import { ipAddress } from './ip-address.ts'
import { phone } from './phone.ts'
import { secret } from './secret.ts'
import { ssn } from './ssn.ts'

/** Every detector, in the order of precedence where matches overlap. To add one: its file, its corpus and a line here. */
export const DETECTORS: readonly Detector[] = [email, secret, iban, creditCard, ssn, phone, ipAddress]
