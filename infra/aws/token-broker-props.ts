import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Duration } from 'aws-cdk-lib/core';

import type { MetricChoice } from '../../lib/contract.ts';
import type { NetworkProps } from './broker-function.ts';
import type { TableEncryption } from './broker-table.ts';
import type { BudgetOptions, TokenLifeOptions } from './settings-props.ts';

/** What a broker is made with. Settings that cannot work fail at synthesis, with the arithmetic. */
export interface TokenBrokerProps extends NetworkProps {
  /** Plume's API: an https URL without a path. Access tokens are sent there only. */
  readonly apiUrl: string;
  /**
   * Clients' secrets are named `<prefix>/<client>`. The broker finds them; it never owns them.
   * @default plume/m2m
   */
  readonly secretPrefix?: string | undefined;
  /**
   * How often the minter looks for tokens to renew: whole minutes from 1 to 60.
   * @default Duration.minutes(1)
   */
  readonly tick?: Duration | undefined;
  /**
   * How long tokens are served and when they are replaced.
   * @default - as the options say
   */
  readonly tokenLife?: TokenLifeOptions | undefined;
  /**
   * The calls that the address of the functions may make.
   * @default - the vendor's limit, 2000 calls in 300 s
   */
  readonly budget?: BudgetOptions | undefined;
  /**
   * Encrypts the table. The roles of the functions get the use of it through DynamoDB.
   * @default - a new key, rotated every year and deleted with the stack
   */
  readonly encryptionKey?: IKey | undefined;
  /**
   * Whose key encrypts the table: `customer-managed`, of the account, whose use CloudTrail records; or `aws-owned`, which
   * costs nothing. With the latter the topic of `Monitoring` is not encrypted: CloudWatch cannot use AWS's own key for it.
   * @default customer-managed
   */
  readonly encryption?: TableEncryption | undefined;
  /**
   * Which measurements are metrics of CloudWatch: those that an alarm reads, or all. The others are only fields of the
   * log, because each metric costs money.
   * @default alarmed
   */
  readonly metrics?: MetricChoice | undefined;
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
}
