/** Exact actions on exact resources. Plain data: the constructs grant it, and the command prints it. */
export interface Permission {
  readonly actions: string[];
  readonly resourceArns: string[];
  readonly conditions?: Conditions;
  /** Partition keys of the items of a table. `*` at the end of a key stands for any characters. */
  readonly keys?: readonly string[];
}

/** Values by operator and condition key, as in a policy. */
export type Conditions = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** The conditions that say which items a permission is for. */
export function keyConditions(keys: readonly string[]): Conditions {
  return {
    [keyOperator(keys)]: { 'dynamodb:LeadingKeys': keys },
    // `ForAllValues` is true for a request that has no key at all.
    Null: { 'dynamodb:LeadingKeys': 'false' },
  };
}

/** The condition operator that compares the keys. */
export function keyOperator(keys: readonly string[]): string {
  return `ForAllValues:${keys.some((key) => key.endsWith('*')) ? 'StringLike' : 'StringEquals'}`;
}

/** A statement of an IAM policy. */
export interface Statement {
  readonly Effect: 'Allow';
  readonly Action: readonly string[];
  readonly Resource: readonly string[];
  readonly Condition?: Conditions;
}

export function statementOf({ actions, resourceArns, conditions = {}, keys }: Permission): Statement {
  const all = keys === undefined ? conditions : merged(conditions, keyConditions(keys));
  return {
    Effect: 'Allow',
    Action: actions,
    Resource: resourceArns,
    ...(Object.keys(all).length > 0 && { Condition: all }),
  };
}

function merged(one: Conditions, other: Conditions): Conditions {
  const operators = [...new Set([...Object.keys(one), ...Object.keys(other)])];
  return Object.fromEntries(
    operators.map((operator) => [operator, { ...one[operator], ...other[operator] }]),
  );
}
