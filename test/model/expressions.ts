import type { AttributeValue } from '@aws-sdk/client-dynamodb';

/**
 * The part of DynamoDB's condition and update expressions that this project uses, compiled. The reserved words of DynamoDB are
 * not looked for: the suites that run on an engine do that.
 */

export type Item = Readonly<Record<string, AttributeValue>>;
/** What `#name` and `:value` stand for. */
export interface Placeholders {
  readonly ExpressionAttributeNames?: Readonly<Record<string, string>> | undefined;
  readonly ExpressionAttributeValues?: Readonly<Record<string, AttributeValue>> | undefined;
}
type Compiled<Result> = (item: Item, placeholders: Placeholders) => Result;

const conditions = new Map<string, Compiled<boolean>>();
const updates = new Map<string, Compiled<Item>>();

/** Whether a condition holds for an item; an item that is not there has no attributes. */
export function holds(expression: string, item: Item, placeholders: Placeholders): boolean {
  const compiled = conditions.get(expression) ?? whole(expression, or);
  conditions.set(expression, compiled);
  return compiled(item, placeholders);
}

/** The item after `SET … REMOVE …`. */
export function updated(expression: string, item: Item, placeholders: Placeholders): Item {
  const compiled = updates.get(expression) ?? whole(expression, update);
  updates.set(expression, compiled);
  return compiled(item, placeholders);
}

class Tokens {
  readonly #tokens: readonly string[];
  #at = 0;

  constructor(expression: string) {
    this.#tokens = expression.match(/<=|>=|<>|[=<>(),+-]|[#:]?\w+|\S/g) ?? [];
  }

  get isOver(): boolean {
    return this.#at === this.#tokens.length;
  }

  next(): string {
    const token = this.#tokens[this.#at];
    if (token === undefined) throw new SyntaxError('the expression is cut off');
    this.#at += 1;
    return token;
  }

  /** Takes the next token if it is this one. */
  take(token: string): boolean {
    if (this.#tokens[this.#at] !== token) return false;
    this.#at += 1;
    return true;
  }

  expect(token: string): void {
    if (!this.take(token)) throw new SyntaxError(`${token} expected before ${this.#tokens[this.#at]}`);
  }
}

function whole<Result>(expression: string, parse: (tokens: Tokens) => Result): Result {
  const tokens = new Tokens(expression);
  const result = parse(tokens);
  if (!tokens.isOver) throw new SyntaxError(`${tokens.next()} is not understood in: ${expression}`);
  return result;
}

function or(tokens: Tokens): Compiled<boolean> {
  const parts = [and(tokens)];
  while (tokens.take('OR')) parts.push(and(tokens));
  return (item, placeholders) => parts.some((part) => part(item, placeholders));
}

function and(tokens: Tokens): Compiled<boolean> {
  const parts = [condition(tokens)];
  while (tokens.take('AND')) parts.push(condition(tokens));
  return (item, placeholders) => parts.every((part) => part(item, placeholders));
}

function condition(tokens: Tokens): Compiled<boolean> {
  if (tokens.take('NOT')) {
    const negated = condition(tokens);
    return (item, placeholders) => !negated(item, placeholders);
  }
  if (tokens.take('(')) {
    const inner = or(tokens);
    tokens.expect(')');
    return inner;
  }
  for (const [name, isThere] of [
    ['attribute_exists', true],
    ['attribute_not_exists', false],
  ] as const) {
    if (!tokens.take(name)) continue;
    tokens.expect('(');
    const attribute = operand(tokens);
    tokens.expect(')');
    return (item, placeholders) => (attribute(item, placeholders) !== undefined) === isThere;
  }
  return comparison(tokens);
}

function comparison(tokens: Tokens): Compiled<boolean> {
  const left = operand(tokens);
  if (tokens.take('BETWEEN')) {
    const low = operand(tokens);
    tokens.expect('AND');
    const high = operand(tokens);
    return (item, placeholders) => {
      const value = left(item, placeholders);
      return (
        compare(value, low(item, placeholders), (order) => order >= 0) &&
        compare(value, high(item, placeholders), (order) => order <= 0)
      );
    };
  }
  if (tokens.take('IN')) {
    const candidates = list(tokens);
    return (item, placeholders) =>
      candidates.some((candidate) =>
        compare(left(item, placeholders), candidate(item, placeholders), (order) => order === 0),
      );
  }
  const operator = tokens.next();
  const right = operand(tokens);
  const isRight = ORDERS[operator];
  if (isRight === undefined) throw new SyntaxError(`${operator} is no comparison`);
  return (item, placeholders) => {
    const [one, other] = [left(item, placeholders), right(item, placeholders)];
    // As in DynamoDB, what is not there differs from everything.
    if (operator === '<>') return !compare(one, other, (order) => order === 0);
    return compare(one, other, isRight);
  };
}

const ORDERS: Readonly<Record<string, (order: number) => boolean>> = {
  '=': (order) => order === 0,
  '<>': (order) => order !== 0,
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '>': (order) => order > 0,
  '>=': (order) => order >= 0,
};

/** False unless both are there and of one type. */
function compare(
  one: AttributeValue | undefined,
  other: AttributeValue | undefined,
  isRight: (order: number) => boolean,
): boolean {
  if (one?.N !== undefined && other?.N !== undefined) return isRight(Number(one.N) - Number(other.N));
  if (one?.S !== undefined && other?.S !== undefined) {
    return isRight(one.S < other.S ? -1 : one.S === other.S ? 0 : 1);
  }
  if (one?.BOOL !== undefined && other?.BOOL !== undefined) {
    return isRight(Number(one.BOOL) - Number(other.BOOL));
  }
  return false;
}

function list(tokens: Tokens): Compiled<AttributeValue | undefined>[] {
  tokens.expect('(');
  const operands = [operand(tokens)];
  while (tokens.take(',')) operands.push(operand(tokens));
  tokens.expect(')');
  return operands;
}

function operand(tokens: Tokens): Compiled<AttributeValue | undefined> {
  const token = tokens.next();
  if (token === 'if_not_exists') {
    const [attribute, otherwise] = list(tokens);
    if (attribute === undefined || otherwise === undefined) throw new SyntaxError('if_not_exists takes two');
    return (item, placeholders) => attribute(item, placeholders) ?? otherwise(item, placeholders);
  }
  if (!/^[#:]?\w+$/.test(token)) throw new SyntaxError(`${token} is no name and no value`);
  if (token.startsWith(':'))
    return (_, { ExpressionAttributeValues = {} }) => ExpressionAttributeValues[token];
  return (item, placeholders) => item[nameOf(token, placeholders)];
}

function nameOf(token: string, { ExpressionAttributeNames = {} }: Placeholders): string {
  const name = token.startsWith('#') ? ExpressionAttributeNames[token] : token;
  if (name === undefined) throw new SyntaxError(`${token} stands for nothing`);
  return name;
}

function sum(tokens: Tokens): Compiled<AttributeValue | undefined> {
  const first = operand(tokens);
  const sign = tokens.take('+') ? 1 : tokens.take('-') ? -1 : 0;
  if (sign === 0) return first;
  const second = operand(tokens);
  return (item, placeholders) => {
    const [one, other] = [first(item, placeholders), second(item, placeholders)];
    if (one?.N === undefined || other?.N === undefined) throw new TypeError('only numbers can be added');
    return { N: String(Number(one.N) + sign * Number(other.N)) };
  };
}

/** Every value is taken from the item as it was. */
function update(tokens: Tokens): Compiled<Item> {
  const changes: Compiled<readonly [string, AttributeValue | undefined]>[] = [];
  while (!tokens.isOver) {
    const clause = tokens.next();
    if (clause !== 'SET' && clause !== 'REMOVE') throw new SyntaxError(`${clause} is no clause`);
    do {
      const token = tokens.next();
      if (clause === 'REMOVE') {
        changes.push((_, placeholders) => [nameOf(token, placeholders), undefined]);
        continue;
      }
      tokens.expect('=');
      const value = sum(tokens);
      changes.push((item, placeholders) => [nameOf(token, placeholders), value(item, placeholders)]);
    } while (tokens.take(','));
  }
  return (item, placeholders) => {
    const after = { ...item };
    for (const change of changes) {
      const [name, value] = change(item, placeholders);
      if (value === undefined) delete after[name];
      else after[name] = value;
    }
    return after;
  };
}
