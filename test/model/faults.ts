/** How often each may happen in one schedule. */
export interface Faults {
  /** An instance dies, at any `await`. What it has sent may arrive all the same. */
  readonly deaths: number;
  /** The answer of a request is lost after its work was done, and the SDK sends it again. */
  readonly lostAnswers: number;
  /** Somebody deletes the item. */
  readonly deletions: number;
  /** Time passes although something could happen at once. */
  readonly delays: number;
  /** The same, for very long. */
  readonly freezes: number;
}

export const NO_FAULTS: Faults = { deaths: 0, lostAnswers: 0, deletions: 0, delays: 0, freezes: 0 };
