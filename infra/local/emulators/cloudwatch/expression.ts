/**
 * The part of CloudWatch's metric math that the stack uses: numbers, ids, + - * / <, parentheses, `FILL(id, number)`,
 * `PERIOD(id)` and `IF(condition, value, value)`.
 */

/** Another metric of the same alarm or widget, in the same period. */
export interface Operand {
  /** undefined: there is no data point. */
  readonly value: number | undefined;
  readonly periodSeconds: number;
}

const TOKEN = /\s*(\d+(?:\.\d+)?|[A-Za-z]\w*|[-+*/<(),])/y;

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
  const value = comparison();
  if (tokens.length > 0) throw misunderstood();
  return value;

  /** 1 or 0 if two values are compared. */
  function comparison(): number | undefined {
    const left = sum();
    if (tokens[0] !== '<') return left;
    tokens.shift();
    return both(left, sum(), (a, b) => Number(a < b));
  }

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
      const inner = comparison();
      expect(')');
      return inner;
    }
    if (/^\d/.test(token)) return Number(token);
    if (!/^[A-Za-z]/.test(token)) throw misunderstood();
    switch (token) {
      case 'FILL':
        return fill();
      case 'IF':
        return choice();
      case 'PERIOD':
        return period();
      default:
        return operandOf(token).value;
    }
  }

  function choice(): number | undefined {
    expect('(');
    const condition = comparison();
    expect(',');
    const then = comparison();
    expect(',');
    const otherwise = comparison();
    expect(')');
    if (condition === undefined) return undefined;
    return condition === 0 ? otherwise : then;
  }

  function operandOf(id = ''): Operand {
    const found = operandOfId(id);
    if (found === undefined)
      throw new Error(`the metric expression ${expression} names ${id}, which is not a metric`);
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
