import type { Grant, IGrantable } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { Construct, IConstruct } from 'constructs';

import type { WorkerSettings } from '../../lib/settings.ts';
import { checkBudget, checkClient } from './checks.ts';
import { environmentOf, setBroker } from './function-environment.ts';
import type { Permission } from './permission.ts';
import { RoleGrants } from './role-grants.ts';
import { TablePermissions } from './table-permissions.ts';
import { type WorkerArns, workerPermissions } from './worker-permissions.ts';

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

/** A broker, of this app or of another. */
export interface ITokenBroker extends IConstruct {
  /** Plume's API, as the functions get it. */
  readonly apiUrl: string;
  /** The budget of the broker's own address: of the minter, and of functions for which `grantUse` names no other. */
  readonly budgetName: string;
  /** The dimension `service` of all metrics. */
  readonly serviceName: string;

  /**
   * Lets a function make calls for one client: sets the environment that the middleware reads, and gives it the
   * permissions of {@link ITokenBroker.grantUse}. Call it once per client.
   *
   * @param fn - a function of this app; of an alias or a version the function behind it
   * @throws Error if no secret can have the client's name, if the function uses another broker or budget already, or if it
   * is imported, so that its environment cannot be set
   */
  connect(fn: IFunction, options: GrantUseOptions): Grant;

  /** What {@link ITokenBroker.connect} sets, for code that is defined elsewhere: an imported function, a container. */
  environment(options?: EnvironmentOptions): Record<string, string>;

  /**
   * Permits only what calls for one client need: to read its token, to ask the minter for another, to take
   * tickets of the budget. It changes only IAM; {@link ITokenBroker.connect} also does this.
   *
   * @param grantee - a role, or what has one
   * @throws Error if no secret can have the client's name, or if the grantee's permissions cannot be changed from here. The
   * synthesis fails if all its clients are more than IAM takes
   */
  grantUse(grantee: IGrantable, options: GrantUseOptions): Grant;
}

/** Gives functions and roles the use of a broker, whichever app it is of. */
export class BrokerAccess {
  readonly #broker: Construct;
  readonly #settings: WorkerSettings;
  readonly #arns: WorkerArns;
  readonly #grants = new RoleGrants();

  /** @param settings what functions of this app get as `PLUME_BROKER` */
  constructor(broker: Construct, settings: WorkerSettings, arns: WorkerArns) {
    this.#broker = broker;
    this.#settings = settings;
    this.#arns = arns;
    broker.node.addValidation({ validate: () => this.#grants.validate() });
  }

  connect(fn: IFunction, options: GrantUseOptions): void {
    setBroker(fn, this.#settingsFor(options));
  }

  environment(options: EnvironmentOptions): Record<string, string> {
    return environmentOf(this.#broker, this.#settingsFor(options));
  }

  grantUse(grantee: IGrantable, { client, budgetName = this.#settings.budget.name }: GrantUseOptions): Grant {
    checkClient(client);
    return this.#grants.give(grantee, workerPermissions(this.#arns, { client, budgetName }));
  }

  /** Permissions on the table, which take the use of its key. */
  allow(grantee: IGrantable, ...permissions: readonly Permission[]): Grant {
    return this.#grants.give(grantee, [...new TablePermissions(this.#arns).useKey(), ...permissions]);
  }

  #settingsFor({ budgetName = this.#settings.budget.name }: EnvironmentOptions): WorkerSettings {
    const budget = { ...this.#settings.budget, name: budgetName };
    checkBudget(budget);
    return { ...this.#settings, budget };
  }
}
