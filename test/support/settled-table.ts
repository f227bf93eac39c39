import { oneTurn } from '../simulation/virtual-time.ts';
import { startTable } from './dynamodb.ts';

/** A real table for a story on virtual time, which stands still while the table works: `settled` is for the latter. */
export async function startSettledTable() {
  const table = await startTable();
  let requestsUnderWay = 0;
  table.client.middlewareStack.add(
    (next) => async (args) => {
      requestsUnderWay += 1;
      return next(args).finally(() => {
        requestsUnderWay -= 1;
      });
    },
    { step: 'initialize', name: 'requestsUnderWay' },
  );
  return {
    ...table,
    async settled(): Promise<void> {
      do await oneTurn();
      while (requestsUnderWay > 0);
    },
  };
}
