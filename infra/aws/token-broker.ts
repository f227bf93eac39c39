import { ArnFormat, Duration, Lazy, Stack, Token } from 'aws-cdk-lib';
import type { MathExpression, Metric } from 'aws-cdk-lib/aws-cloudwatch';
import type { TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import type { Grant, IGrantable } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { IFunction, Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { type IQueue, RedrivePermission } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import {
  type BudgetStream,
  ENV,
  type MetricName,
  MINTER_TIMEOUT_MS,
  type MintFailure,
  TABLE,
} from '../../lib/contract.ts';
import type { BrokerSettings, WorkerSettings } from '../../lib/settings.ts';
import { acknowledge } from './acknowledge.ts';
import { BrokerFunction, networkOf } from './broker-function.ts';
import { brokerMetric, budgetUsed, type DimensionsOf, type MetricChoices } from './broker-metric.ts';
import { brokerSettings } from './broker-settings.ts';
import { BrokerTable } from './broker-table.ts';
import { checkBudget, checkClient } from './checks.ts';
import { environmentOf, setBroker } from './function-environment.ts';
import { MinterSchedule } from './minter-schedule.ts';
import type { Permission } from './permission.ts';
import { RoleGrants } from './role-grants.ts';
import { TlsQueue } from './tls-queue.ts';
import type { TokenBrokerProps } from './token-broker-props.ts';
import { workerPermissions } from './worker-permissions.ts';

/** Where a function's calls leave from. */
export interface EnvironmentOptions {
  /**
   * The budget of the address that the calls leave from.
   * @default - the broker's own
   */
  readonly budgetName?: string | undefined;
}

/** What a function may use. */
export interface GrantUseOptions extends EnvironmentOptions {
  /** The M2M client whose token may be used: the secret's name below the prefix, such as `mocha`. */
  readonly client: string;
}

const INSPECTOR_TIMEOUT = Duration.seconds(60);

/**
 * One token and one call budget for all functions that call Plume's API: the table, the minter on its schedule, and
 * the inspector, which reports on tokens without showing them. Give functions the use of it with
 * {@link TokenBroker.connect}.
 */
export class TokenBroker extends Construct {
  /** Reads secrets and mints tokens. To let it read secrets under a key of yours: `key.grantDecrypt(broker.minter)`. */
  readonly minter: LambdaFunction;
  /** Answers `{}`, `{ client }` or `{ client, introspect: true }` with the state of tokens. */
  readonly inspector: LambdaFunction;
  /** Tokens, what is known of each mint, and the counters of the budgets: items by a string key, `pk`. */
  readonly table: TableV2;
  /** Encrypts the table. */
  readonly encryptionKey: IKey;
  /** Takes ticks that did not reach the minter or that it could not finish. */
  readonly deadLetterQueue: IQueue;
  /** Plume's API, as the functions get it. */
  readonly apiUrl: string;
  /** The budget of the broker's own address: of the minter, and of functions for which `grantUse` names no other. */
  readonly budgetName: string;
  /** The dimension `service` of all metrics. */
  readonly serviceName: string;
  /** How often the minter looks for tokens to renew. */
  readonly tick: Duration;

  readonly #store: BrokerTable;
  readonly #grants = new RoleGrants();
  readonly #settings: BrokerSettings;
  /** The streams that functions take tickets of, `<budget>#<stream>`: the minter reports which of them rest. */
  readonly #streams = new Set<string>();

  /** @throws Error if the settings cannot work: it says which, and why */
  constructor(scope: Construct, id: string, props: TokenBrokerProps) {
    super(scope, id);
    const { logRetention = RetentionDays.ONE_MONTH } = props;
    const { secretPrefix, ...settings } = brokerSettings(this, props);
    const network = networkOf(props);

    this.tick = Duration.millis(settings.tokenLife.tickMs);
    this.serviceName = settings.service;
    this.apiUrl = settings.apiUrl;
    this.budgetName = settings.budget.name;
    this.#store = new BrokerTable(this, 'Store', props);
    this.table = this.#store.table;
    this.encryptionKey = this.#store.encryptionKey;
    this.deadLetterQueue = new TlsQueue(this, 'DeadTicks', {
      // Lambda and Scheduler send to it; no queue redrives to it.
      redriveAllowPolicy: { redrivePermission: RedrivePermission.DENY_ALL },
    });

    this.#settings = { ...settings, table: this.table.tableName };
    const environment = environmentOf(this, { ...this.#settings, secretPrefix });
    this.minter = new BrokerFunction(this, 'Minter', {
      entry: 'minter',
      description: 'Mints M2M access tokens before they expire',
      timeout: Duration.millis(MINTER_TIMEOUT_MS),
      environment: {
        ...environment,
        [ENV.watchedStreams]: Lazy.string({ produce: () => [...this.#streams].join(',') }),
      },
      logRetention,
      ...network,
      deadLetterQueue: this.deadLetterQueue,
      reservedConcurrency: props.minterReservedConcurrency,
    });
    this.inspector = new BrokerFunction(this, 'Inspector', {
      entry: 'inspector',
      description: 'Reports the state of M2M access tokens without showing them',
      timeout: INSPECTOR_TIMEOUT,
      environment,
      logRetention,
      ...network,
    });
    this.#allow(
      this.minter,
      this.#store.permissions.items('GetItem', [
        TABLE.tokenKey('*'),
        TABLE.mintKey('*'),
        TABLE.requestKey('*'),
        TABLE.listingKey,
        TABLE.budgetKey('*', '*'),
      ]),
      this.#store.permissions.items('PutItem', [TABLE.tokenKey('*'), TABLE.listingKey]),
      this.#store.permissions.items('UpdateItem', [TABLE.tokenKey('*'), TABLE.mintKey('*')]),
      // Of clients whose secret is gone.
      this.#store.permissions.items('DeleteItem', [TABLE.tokenKey('*'), TABLE.mintKey('*')]),
      this.#tickets(this.budgetName, 'minter', 'worker'),
      this.#store.permissions.queryDue(),
      ...this.#secrets(secretPrefix),
    );
    this.#allow(
      this.inspector,
      this.#store.permissions.items('GetItem', [
        TABLE.tokenKey('*'),
        TABLE.mintKey('*'),
        TABLE.requestKey('*'),
      ]),
      this.#store.permissions.queryDue(),
      this.#tickets(this.budgetName, 'minter'),
      ...this.#secrets(secretPrefix),
    );
    this.#acknowledgeSecrets(secretPrefix);
    new MinterSchedule(this, 'Tick', {
      minter: this.minter,
      tick: this.tick,
      deadLetterQueue: this.deadLetterQueue,
    });
    this.node.addValidation({ validate: () => this.#grants.validate() });
  }

  /**
   * Lets a function make calls for one client: sets the environment that the middleware reads, and gives it the
   * permissions of {@link TokenBroker.grantUse}. Call it once per client.
   *
   * @param fn - a function of this app; of an alias or a version the function behind it
   * @throws Error if no secret can have the client's name, if the function uses another broker or budget already, or if it
   * is imported, so that its environment cannot be set
   */
  connect(fn: IFunction, options: GrantUseOptions): Grant {
    setBroker(fn, this.#workerSettings(options));
    return this.grantUse(fn, options);
  }

  /** What {@link TokenBroker.connect} sets, for code that is defined elsewhere: an imported function, a container. */
  environment(options: EnvironmentOptions = {}): Record<string, string> {
    return environmentOf(this, this.#workerSettings(options));
  }

  /**
   * Permits what calls for one client take, and nothing else: to read its token, to ask the minter for another, to take
   * tickets of the budget. It changes IAM alone: {@link TokenBroker.connect} does this too.
   *
   * @param grantee - a role, or what has one
   * @throws Error if no secret can have the client's name, or if the grantee's permissions cannot be changed from here. The
   * synthesis fails if all its clients are more than IAM takes
   */
  grantUse(grantee: IGrantable, { client, budgetName = this.budgetName }: GrantUseOptions): Grant {
    checkClient(client);
    this.#watch(budgetName, 'worker');
    const arns = { ...this.#store.arns, minterArn: this.minter.functionArn };
    return this.#grants.give(grantee, workerPermissions(arns, { client, budgetName }));
  }

  /** One of the metrics that the functions emit: {@link METRICS} says what each means. */
  metric<Name extends MetricName>(
    name: Name,
    dimensions: DimensionsOf<Name>,
    options?: MetricChoices,
  ): Metric {
    return brokerMetric(this.serviceName, name, dimensions, options);
  }

  /** Ticks that the minter completed. */
  metricMinterTick(options?: MetricChoices): Metric {
    return this.metric('MinterTick', {}, options);
  }

  /** Tokens that were minted and stored, of all clients. */
  metricTokenMinted(options?: MetricChoices): Metric {
    return this.metric('TokenMinted', {}, options);
  }

  /** Mints that ended with one code of {@link MINT_FAILURES}. */
  metricMintFailed({ code, ...options }: MetricChoices & { readonly code: MintFailure }): Metric {
    return this.metric('MintFailed', { code }, { label: code, ...options });
  }

  /** Clients whose last mint failed. */
  metricClientsFailing(options?: MetricChoices): Metric {
    return this.metric('ClientsFailing', {}, options);
  }

  /** Seconds until the first token among all clients' is no longer served. */
  metricSecondsToExpiry(options?: MetricChoices): Metric {
    return this.metric('SecondsToExpiry', {}, { statistic: 'Minimum', ...options });
  }

  /** Calls that one stream of a budget made, as a share (%) of the tickets that became good in that time. */
  metricBudgetUsed(of: { readonly budget: string; readonly stream: BudgetStream }): MathExpression {
    const { budget, stream } = of;
    return budgetUsed(this.metric('TicketsGranted', { budget, stream }), stream, this.#settings.budget);
  }

  #workerSettings({ budgetName = this.budgetName }: EnvironmentOptions): WorkerSettings {
    const budget = { ...this.#settings.budget, name: budgetName };
    checkBudget(budget);
    return { ...this.#settings, budget, minter: this.minter.functionArn };
  }

  /** @param streams the first is watched from then on */
  #tickets(budget: string, ...streams: readonly [BudgetStream, ...BudgetStream[]]): Permission {
    this.#watch(budget, streams[0]);
    return this.#store.permissions.tickets(budget, streams);
  }

  #watch(budget: string, stream: BudgetStream): void {
    this.#streams.add(`${budget}#${stream}`);
  }

  /** Of clients' secrets, whose names the broker does not know beforehand. */
  #secrets(prefix: string): Permission[] {
    const secrets = Stack.of(this).formatArn({
      service: 'secretsmanager',
      resource: 'secret',
      resourceName: `${prefix}/*`,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
    return [
      { actions: ['secretsmanager:GetSecretValue'], resourceArns: [secrets] },
      // Names and versions, no values. AWS knows no resource for it.
      { actions: ['secretsmanager:ListSecrets'], resourceArns: ['*'] },
    ];
  }

  #acknowledgeSecrets(prefix: string): void {
    const { partition, region, account } = Stack.of(this);
    const known = (value: string, name: string): string =>
      Token.isUnresolved(value) ? `<AWS::${name}>` : value;
    const secrets = `arn:${known(partition, 'Partition')}:secretsmanager:${known(region, 'Region')}:${known(account, 'AccountId')}:secret:${prefix}/*`;
    for (const { role } of [this.minter, this.inspector]) {
      if (role === undefined) continue;
      acknowledge(role, {
        [`AwsSolutions-IAM5[Resource::${secrets}]`]:
          'Adding a client is creating a secret, without a deployment',
        'AwsSolutions-IAM5[Resource::*]': 'AWS knows no resource for ListSecrets, nor for writing traces',
      });
    }
  }

  #allow(grantee: IGrantable, ...permissions: readonly Permission[]): Grant {
    return this.#grants.give(grantee, [this.#store.permissions.useKey(), ...permissions]);
  }
}
