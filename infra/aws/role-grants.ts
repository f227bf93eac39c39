import { type Grant, type IGrantable, type IPrincipal, UnknownPrincipal } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';

import { grantOne, setKeys } from './grant.ts';
import { keyOperator, type Permission } from './permission.ts';
import { policyExcess } from './policy-excess.ts';

/** A managed policy has at most 6144 characters (IAM), and a statement is not split over two; some are no part of a key. */
const MAX_KEY_CHARACTERS = 5_400;

/** The statements of one permission of one role: several if its keys do not fit into one policy. */
interface Given {
  readonly grants: Grant[];
  readonly known: Set<string>;
  /** The keys of the last statement. */
  keys: readonly string[];
}

/**
 * What roles may do with the broker. A role gets each permission once, and permissions that differ only in their keys
 * share a statement: with three statements for each client, a function of a hundred clients exceeds IAM's limits.
 */
export class RoleGrants {
  readonly #roles = new Map<IPrincipal, Map<string, Given>>();

  /** @throws {Error} if the permissions of the grantee cannot be changed from here */
  give(grantee: IGrantable, permissions: readonly Permission[]): Grant {
    const role = grantee.grantPrincipal;
    if (role instanceof UnknownPrincipal) throw notChangeable(grantee, 'it is imported without its role');
    const all = this.#roles.get(role) ?? new Map<string, Given>();
    this.#roles.set(role, all);
    const grants = permissions.flatMap((permission) => {
      const { keys, ...rest } = permission;
      const id = JSON.stringify([rest, keys && keyOperator(keys)]);
      const given = all.get(id) ?? { grants: [], known: new Set(), keys: [] };
      all.set(id, given);
      extend(given, role, permission);
      return given.grants;
    });
    if (!grants.every(({ success }) => success))
      throw notChangeable(grantee, 'it is not a role and has none');
    return grants.reduce((one, other) => one.combine(other));
  }

  /** @returns a sentence for each role that exceeds IAM's limits: its deployment would fail */
  validate(): string[] {
    return [...this.#roles.keys()].flatMap((role) => policyExcess(role) ?? []);
  }
}

function extend(given: Given, role: IPrincipal, permission: Permission): void {
  const fresh = permission.keys?.filter((key) => !given.known.has(key)) ?? [];
  for (const key of fresh) given.known.add(key);
  const keys = [...given.keys, ...fresh];
  const last = given.grants.at(-1);
  if (last === undefined || JSON.stringify(keys).length > MAX_KEY_CHARACTERS) {
    given.keys = fresh;
    given.grants.push(grantOne(role, permission.keys ? { ...permission, keys: fresh } : permission));
  } else if (fresh.length > 0) {
    given.keys = keys;
    setKeys(last, keys);
  }
}

function notChangeable(grantee: IGrantable, why: string): Error {
  const name = Construct.isConstruct(grantee) ? grantee.node.path : String(grantee);
  return new Error(
    `the permissions of ${name} cannot be changed here, because ${why}. Import it with its role, or give the role itself to grantUse`,
  );
}
