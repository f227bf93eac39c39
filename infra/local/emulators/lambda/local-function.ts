/** A function as the local Lambda knows it. */
export interface LocalFunction {
  readonly name: string;
  /** file: URL of the bundle, an ES module that exports `handler`. */
  readonly bundleUrl: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** Told to the function; not enforced. */
  readonly memoryMb: number;
  /** Instances that may run at once; a call beyond that is throttled. */
  readonly concurrency: number;
}
