import { type Grant, type IGrantable, type IPrincipal, UnknownPrincipal } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';

import { grantOne, keyOperator, type Permission, setKeys } from './permission.ts';
import { policyExcess } from './policy-excess.ts';

/** A managed policy takes 6144 characters (IAM), and statements whole; the rest is for what is not a key. */
const MAX_KEY_CHARACTERS = 5_400;

/** One permission of one role: several statements if one policy does not take all its keys. */
interface Given {
  readonly grants: Grant[];
  readonly known: Set<string>;
  /** Those of the last statement. */
  keys: readonly string[];
}

/**
 * What roles may do with the broker. A role gets each permission once, and permissions that differ in their keys alone
 * share a statement: if each client had its own, IAM would not take a hundred clients.
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
    if (!grants.every(({ success }) => success)) throw notChangeable(grantee, 'it is no role and has none');
    return grants.reduce((one, other) => one.combine(other));
  }

  /** What the deployment would fail with, as sentences. */
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
