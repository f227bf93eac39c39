import { hash } from 'node:crypto';

/** A small system at one moment of one schedule: what may happen next, and what has come of it so far. */
export interface Model {
  /**
   * What may happen next; what would only be another order of the same may be left out. The same state offers the same choices
   * in the same order.
   */
  choices(): readonly string[];
  /** Lets one of them happen, with all that follows from it by itself. */
  take(choice: string): Promise<void>;
  /** Systems of one state go on in the same way. */
  state(): string;
  /** What is wrong with what has happened. */
  violation(): string | undefined;
}

export interface Exploration {
  readonly states: number;
  /** States in which nothing more can happen. */
  readonly ends: number;
  /** A schedule that breaks the system, from its start. */
  readonly counterexample?: { readonly violation: string; readonly schedule: readonly string[] };
}

/** One choice of a schedule, after those before it. */
interface Step {
  readonly choice: string;
  readonly before: Step | undefined;
}

/**
 * Visits every state that any schedule reaches. The code under test cannot be wound back, so a schedule is played again
 * from the start for each of its branches; what has been seen is not gone into again.
 */
export async function explore(start: () => Promise<Model>): Promise<Exploration> {
  // States are some kilobytes each. That two have one hash is less likely than that the machine is broken.
  const seen = new Set<string>();
  const branches: (Step | undefined)[] = [undefined];
  let ends = 0;

  while (branches.length > 0) {
    let step = branches.pop();
    const model = await start();
    for (const choice of choicesOf(step)) await model.take(choice);
    for (;;) {
      const violation = model.violation();
      if (violation !== undefined) {
        return { states: seen.size, ends, counterexample: { violation, schedule: choicesOf(step) } };
      }
      const state = hash('sha256', model.state(), 'base64');
      if (seen.has(state)) break;
      seen.add(state);
      const [first, ...others] = model.choices();
      if (first === undefined) {
        ends += 1;
        break;
      }
      for (const choice of others) branches.push({ choice, before: step });
      step = { choice: first, before: step };
      await model.take(first);
    }
  }
  return { states: seen.size, ends };
}

function choicesOf(last: Step | undefined): readonly string[] {
  const choices: string[] = [];
  for (let step = last; step !== undefined; step = step.before) choices.push(step.choice);
  return choices.reverse();
}
