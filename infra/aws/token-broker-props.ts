import type { Duration } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';

import type { BudgetSettings, StreamSettings } from '../../lib/budget/settings.ts';
import type { TokenSettings } from '../../lib/token/settings.ts';
import type { FunctionNetwork } from './broker-function.ts';

/** What differs from the default settings of a budget. */
export interface BudgetOptions extends Partial<Omit<BudgetSettings, 'worker' | 'minter'>> {
  /** Of the stream of all functions that call the API. */
  readonly worker?: Partial<StreamSettings>;
  /** Of the stream of token and introspection requests. */
  readonly minter?: Partial<StreamSettings>;
}

/** What differs from the default settings of tokens. The tick is a property of its own. */
export type TokenOptions = Partial<Omit<TokenSettings, 'tickMs'>>;

/** What a broker is made with. Settings that cannot work fail at synthesis, with the arithmetic. */
export interface TokenBrokerProps {
  /** Plume's API: an https URL without a path. Access tokens are sent there only. */
  readonly apiUrl: string;
  /**
   * Clients' secrets are named `<prefix>/<client>`. The broker finds them; it never owns them.
   * @default plume/m2m
   */
  readonly secretPrefix?: string | undefined;
  /**
   * How often the minter looks for tokens to renew, in whole minutes.
   * @default Duration.minutes(1)
   */
  readonly tick?: Duration | undefined;
  /**
   * How long tokens are served and when they are replaced.
   * @default - the values in README's table of the life of tokens
   */
  readonly token?: TokenOptions | undefined;
  /**
   * The calls that the address of the functions may make.
   * @default - the vendor's limit, 2000 calls in 300 s, with the values in README's table of the call budget
   */
  readonly budget?: BudgetOptions | undefined;
  /**
   * Encrypts the table. The roles of the functions get the use of it through DynamoDB.
   * @default - a new key, rotated every year and deleted with the stack
   */
  readonly encryptionKey?: IKey | undefined;
  /**
   * Whether the table can be deleted only after this was switched off and deployed. The stack's own is
   * `terminationProtection`.
   * @default false
   */
  readonly deletionProtection?: boolean | undefined;
  /**
   * The name under which logs and metrics appear: the dimension `service`. Brokers in one account and region need
   * different ones.
   * @default token-broker
   */
  readonly serviceName?: string | undefined;
  /**
   * How long CloudWatch keeps the logs of minter and inspector.
   * @default RetentionDays.ONE_MONTH
   */
  readonly logRetention?: RetentionDays | undefined;
  /**
   * Executions that the account keeps free for the minter, which are also the most that it runs at once. It matters where
   * other functions may use up the account's: ticks that are throttled mint nothing.
   * @default - none are kept: Lambda leaves at least 100 of an account unreserved, and an account may have but 10
   */
  readonly minterReservedConcurrency?: number | undefined;
  /**
   * Where the minter's and the inspector's calls leave from.
   * @default - outside of any VPC
   */
  readonly network?: FunctionNetwork | undefined;
}
