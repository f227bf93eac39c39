import type { MathExpression, Metric } from 'aws-cdk-lib/aws-cloudwatch';
import type { TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import type { ArnPrincipal, Grant, IGrantable } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { IFunction, Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { type IQueue, RedrivePermission } from 'aws-cdk-lib/aws-sqs';
import { type IStringParameter, StringParameter } from 'aws-cdk-lib/aws-ssm';
import { Duration, Lazy, Stack } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import {
  type BudgetStream,
  ENV,
  type MetricName,
  MINTER_TIMEOUT_MS,
  type MintFailure,
  TABLE,
} from '../../lib/contract.ts';
import type { WorkerSettings } from '../../lib/settings.ts';
import {
  BrokerAccess,
  type EnvironmentOptions,
  type GrantUseOptions,
  type ITokenBroker,
} from './broker-access.ts';
import { BrokerFunction, networkOf } from './broker-function.ts';
import { brokerMetric, budgetUsed, type DimensionsOf, type MetricChoices } from './broker-metric.ts';
import { brokerSettings } from './broker-settings.ts';
import { BrokerSharing } from './broker-sharing.ts';
import { BrokerTable } from './broker-table.ts';
import { CallerFunctions, type CallerOptions } from './caller-functions.ts';
import { checkClient } from './checks.ts';
import { environmentOf } from './function-environment.ts';
import {
  ImportedTokenBroker,
  lookUpAttributes,
  type TokenBrokerAttributes,
} from './imported-token-broker.ts';
import { MinterSchedule } from './minter-schedule.ts';
import { operatorFunction, operatorPermissions } from './operator-function.ts';
import type { Permission } from './permission.ts';
import { acknowledgeSecrets, readSecrets, secretsArn } from './secret-access.ts';
import { TlsQueue } from './tls-queue.ts';
import type { TokenBrokerProps } from './token-broker-props.ts';

const INSPECTOR_TIMEOUT = Duration.seconds(60);

/**
 * One token and one call budget for all functions that call Plume's API: the table, the minter on its schedule, and
 * the inspector, which reports on tokens without showing them. Give functions the use of it with
 * {@link TokenBroker.connect}.
 */
export class TokenBroker extends Construct implements ITokenBroker {
  /**
   * A broker of another app, in this account or in another, whose owner then shares it by {@link TokenBroker.shareWith}.
   *
   * @param attributes - what the broker's SSM parameter holds, parsed
   * @throws Error if the attributes are invalid, or the broker is in another region than the stack
   */
  static fromAttributes(scope: Construct, id: string, attributes: TokenBrokerAttributes): ITokenBroker {
    return new ImportedTokenBroker(scope, id, attributes);
  }

  /**
   * A broker of another app in this account and region. The CDK looks the parameter up when it synthesizes, and keeps
   * what it found in `cdk.context.json`: `cdk context --clear` lets it look again.
   *
   * @param parameterName - `/<serviceName>/broker`
   */
  static fromParameter(scope: Construct, id: string, parameterName: string): ITokenBroker {
    return new ImportedTokenBroker(scope, id, lookUpAttributes(scope, parameterName));
  }

  /** Reads secrets and mints tokens. To let it read secrets under a key of yours: `key.grantDecrypt(broker.minter)`. */
  readonly minter: LambdaFunction;
  /** Answers `{}`, `{ client }` or `{ client, introspect: true }` with the state of tokens, `{ budget: true }` with the budget's. */
  readonly inspector: LambdaFunction;
  /** Carries out orders of people on call: pause, slow, resume, lift, mint, forget, heal, status. */
  readonly operator: LambdaFunction;
  /** Tokens, what is known of each mint, and the counters of the budgets: items by a string key, `pk`. */
  readonly table: TableV2;
  /** Encrypts the table. Undefined: AWS owns the key. */
  readonly encryptionKey: IKey | undefined;
  /** Takes ticks that did not reach the minter or that it could not finish. */
  readonly deadLetterQueue: IQueue;
  /** Tells other apps of the broker: `/<serviceName>/broker`. */
  readonly parameter: IStringParameter;
  /** Plume's API, as the functions get it. */
  readonly apiUrl: string;
  /** The budget of the broker's own address: of the minter, and of functions for which `grantUse` names no other. */
  readonly budgetName: string;
  /** The dimension `service` of all metrics. */
  readonly serviceName: string;
  /** How often the minter looks for tokens to renew. */
  readonly tick: Duration;

  readonly #store: BrokerTable;
  readonly #callers: CallerFunctions;
  readonly #access: BrokerAccess;
  readonly #sharing: BrokerSharing;
  readonly #settings: WorkerSettings;
  /** The streams that functions take tickets of, `<budget>#<stream>`: the minter reports which of them the WAF blocks. */
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
    this.#callers = new CallerFunctions(this, { logRetention, ...network });
    this.#store = new BrokerTable(this, 'Store', props);
    this.table = this.#store.table;
    this.encryptionKey = this.#store.encryptionKey;
    this.deadLetterQueue = new TlsQueue(this, 'DeadTicks', {
      // Lambda and Scheduler send to it; no queue redrives to it.
      redriveAllowPolicy: { redrivePermission: RedrivePermission.DENY_ALL },
    });

    const forAll = { ...settings, table: this.table.tableName };
    const withSecrets = { ...forAll, secretPrefix };
    const environment = environmentOf(this, withSecrets);
    this.minter = new BrokerFunction(this, 'Minter', {
      entry: 'minter',
      isTraced: true,
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
      isTraced: true,
      description: 'Reports the state of M2M access tokens without showing them',
      timeout: INSPECTOR_TIMEOUT,
      environment,
      logRetention,
      ...network,
    });
    const minterArn = this.minter.functionArn;
    this.#settings = { ...forAll, minter: minterArn };
    this.#access = new BrokerAccess(this, this.#settings, { ...this.#store.arns, minterArn });
    this.#sharing = new BrokerSharing(this, this);
    const { tableArn, keyArn } = this.#store.arns;
    const attributes: TokenBrokerAttributes = { ...this.#settings, table: tableArn, key: keyArn };
    this.parameter = new StringParameter(this, 'Parameter', {
      description: 'The settings that functions need to use the broker, and the key of its table',
      parameterName: `/${this.serviceName}/broker`,
      simpleName: false,
      stringValue: Stack.of(this).toJsonString(attributes),
    });
    const { permissions } = this.#store;
    const ofClients = [TABLE.tokenKey('*'), TABLE.mintKey('*')];
    const read = [...ofClients, TABLE.requestKey('*')];
    // Of each address that calls leave from.
    const watched = [TABLE.budgetKey('*', '*'), TABLE.orderKey('*')];
    const own = [TABLE.orderKey(this.budgetName), TABLE.budgetKey(this.budgetName, '*')];
    this.#access.allow(
      this.minter,
      permissions.items('GetItem', [...read, TABLE.listingKey, ...watched]),
      permissions.items('PutItem', [TABLE.tokenKey('*'), TABLE.listingKey]),
      permissions.items('UpdateItem', ofClients),
      // Of clients whose secret is gone.
      permissions.items('DeleteItem', ofClients),
      this.#tickets(this.budgetName, 'minter', 'worker'),
      permissions.queryDue(),
      ...readSecrets(this, secretPrefix),
    );
    this.#access.allow(
      this.inspector,
      permissions.items('GetItem', [...read, ...own]),
      permissions.queryDue(),
      this.#tickets(this.budgetName, 'minter'),
      ...readSecrets(this, secretPrefix),
    );
    const forOperator = { ...withSecrets, minter: minterArn };
    this.operator = operatorFunction(this, forOperator, { logRetention, ...network });
    const operated = { secretsArn: secretsArn(this, secretPrefix), minterArn };
    this.#access.allow(this.operator, ...operatorPermissions(permissions, operated));
    for (const { role } of [this.minter, this.inspector, this.operator])
      if (role) acknowledgeSecrets(role, secretPrefix);
    new MinterSchedule(this, 'Tick', {
      minter: this.minter,
      tick: this.tick,
      deadLetterQueue: this.deadLetterQueue,
    });
  }

  /** {@inheritDoc ITokenBroker.connect} */
  connect(fn: IFunction, options: GrantUseOptions): Grant {
    this.#access.connect(fn, options);
    return this.grantUse(fn, options);
  }

  /** {@inheritDoc ITokenBroker.environment} */
  environment(options: EnvironmentOptions = {}): Record<string, string> {
    return this.#access.environment(options);
  }

  /** {@inheritDoc ITokenBroker.grantUse} */
  grantUse(grantee: IGrantable, options: GrantUseOptions): Grant {
    this.#watch(options.budgetName ?? this.budgetName, 'worker');
    return this.#access.grantUse(grantee, options);
  }

  /**
   * Lets a principal of another account make calls for one client: the owner's half, in the policies of the table, its
   * key and the minter. The other half is `grantUse` of {@link TokenBroker.fromAttributes} in an app of that account.
   *
   * @param principal - an account, whose own IAM then says which of its roles, or one role that is there already
   * @throws Error if no secret can have the client's name, or if the table's key is imported, so that its policy cannot be
   * changed. The synthesis fails if the table's policy becomes longer than DynamoDB allows
   */
  shareWith(principal: ArnPrincipal, { client, budgetName = this.budgetName }: GrantUseOptions): void {
    checkClient(client);
    this.#sharing.share(principal, { client, budgetName });
    this.#watch(budgetName, 'worker');
  }

  /**
   * The function that makes calls for one client on behalf of others: of a state machine, or of Python and Java. An event
   * `{ method, path, query?, headers?, json? }` is one call. It is made when it is first asked for.
   *
   * @throws Error if no secret can have the client's name, or if the function is there already with another budget
   */
  caller(options: CallerOptions): LambdaFunction {
    return this.#callers.of(options);
  }

  /**
   * Permits to invoke the caller function of one client, and so to make any call for that client and for no other.
   *
   * @throws Error as {@link TokenBroker.caller} does
   */
  grantCall(grantee: IGrantable, options: CallerOptions): Grant {
    return this.#callers.grant(grantee, options);
  }

  /** One of the metrics that the functions emit. @throws Error if it is only a field of the log, because `metrics` is not `all` */
  metric<Name extends MetricName>(
    name: Name,
    dimensions: DimensionsOf<Name>,
    options?: MetricChoices,
  ): Metric {
    return brokerMetric(this.#settings, name, dimensions, options);
  }

  /** Ticks that the minter completed: each of them tells how many clients fail. */
  metricMinterTick(options?: MetricChoices): Metric {
    return this.metricClientsFailing({ statistic: 'SampleCount', label: 'ticks', ...options });
  }

  /** Tokens that were minted and stored, of all clients. @throws Error unless `metrics` is `all` */
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

  /** @param streams the first is watched from then on */
  #tickets(budget: string, ...streams: readonly [BudgetStream, ...BudgetStream[]]): Permission {
    this.#watch(budget, streams[0]);
    return this.#store.permissions.tickets(budget, streams);
  }

  #watch(budget: string, stream: BudgetStream): void {
    this.#streams.add(`${budget}#${stream}`);
  }
}
