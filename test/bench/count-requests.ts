import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';

/**
 * Calls `onRequest` for every HTTP request of the client, repeated ones too.
 *
 * @returns the function that ends it
 */
export function countRequests(
  client: DynamoDBClient | SecretsManagerClient,
  onRequest: (operation: string) => void,
): () => void {
  const name = 'countRequests';
  const { middlewareStack } = client as DynamoDBClient;
  middlewareStack.add(
    (next, { commandName = '' }) =>
      (args) => {
        onRequest(commandName.replace(/Command$/, ''));
        return next(args);
      },
    { step: 'deserialize', priority: 'low', name },
  );
  return () => void middlewareStack.remove(name);
}

/** True for operations that are billed as writes, refused ones too. */
export function isWrite(operation: string): boolean {
  return !/^(Get|Query|Scan|BatchGet)/.test(operation);
}
