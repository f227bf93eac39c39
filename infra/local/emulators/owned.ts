/** What takes parts over: they stop with the stack, the latest first. */
export function ownedBy(
  stack: AsyncDisposableStack,
): <Owned extends { stop(): Promise<void> }>(part: Owned) => Owned {
  return (part) => stack.adopt(part, (owned) => owned.stop());
}
