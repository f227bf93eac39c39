/**
 * The part of CloudWatch's metric math that the stack uses: numbers, ids, + - * /, parentheses, `FILL(id, number)` and
 * `PERIOD(id)`.
 */

/** Another metric of the same alarm or widget, in the same period. */
export interface Operand {
  /** undefined: there is no data point. */
  readonly value: number | undefined;
  readonly periodSeconds: number;
}

const TOKEN = /\s*(\d+(?:\.\d+)?|[A-Za-z]\w*|[-+*/(),])/y;

/**
 * @param operandOfId undefined: no metric has this id
 * @returns undefined if a value is missing: then there is no data point
 * @throws {Error} the expression cannot be understood
 */
export function evaluate(
  expression: string,
  operandOfId: (id: string) => Operand | undefined,
): number | undefined {
  const tokens = tokensOf(expression);
  const value = sum();
  if (tokens.length > 0) throw misunderstood();
  return value;

  function sum(): number | undefined {
    let left = product();
    while (tokens[0] === '+' || tokens[0] === '-') {
      const sign = tokens.shift() === '+' ? 1 : -1;
      left = both(left, product(), (a, b) => a + sign * b);
    }
    return left;
  }

  function product(): number | undefined {
    let left = operand();
    while (tokens[0] === '*' || tokens[0] === '/') {
      const isDivision = tokens.shift() === '/';
      left = both(left, operand(), (a, b) => (isDivision ? a / b : a * b));
    }
    return left;
  }

  function operand(): number | undefined {
    const token = tokens.shift();
    if (token === undefined) throw misunderstood();
    if (token === '(') {
      const inner = sum();
      expect(')');
      return inner;
    }
    if (/^\d/.test(token)) return Number(token);
    if (!/^[A-Za-z]/.test(token)) throw misunderstood();
    if (token === 'FILL') return fill();
    if (token === 'PERIOD') return period();
    return operandOf(token).value;
  }

  function operandOf(id = ''): Operand {
    const found = operandOfId(id);
    if (found === undefined)
      throw new Error(`the metric expression ${expression} names ${id}, which is no metric`);
    return found;
  }

  function period(): number {
    expect('(');
    const { periodSeconds } = operandOf(tokens.shift());
    expect(')');
    return periodSeconds;
  }

  function fill(): number | undefined {
    expect('(');
    const value = operand();
    expect(',');
    const otherwise = operand();
    expect(')');
    return value ?? otherwise;
  }

  function expect(token: string): void {
    if (tokens.shift() !== token) throw misunderstood();
  }

  function misunderstood(): Error {
    return new Error(`the metric expression ${expression} cannot be understood`);
  }
}

function tokensOf(expression: string): string[] {
  const tokens: string[] = [];
  const pattern = new RegExp(TOKEN);
  while (pattern.lastIndex < expression.trimEnd().length) {
    const [, token] = pattern.exec(expression) ?? [];
    if (token === undefined) throw new Error(`the metric expression ${expression} cannot be understood`);
    tokens.push(token);
  }
  return tokens;
}

function both(
  left: number | undefined,
  right: number | undefined,
  operation: (a: number, b: number) => number,
): number | undefined {
  if (left === undefined || right === undefined) return undefined;
  const value = operation(left, right);
  return Number.isFinite(value) ? value : undefined;
}
