import { TABLE } from '../../lib/contract.ts';
import type { AwsRequest } from '../fixtures/iam/account.ts';
import { ACCOUNT, REGION, type Resource } from '../fixtures/iam/cloudformation.ts';
import { VIA_DYNAMODB } from '../fixtures/iam/platform-requests.ts';
import { awsRequestsOf, type Input } from '../fixtures/iam/sdk-requests.ts';

export interface Scene {
  readonly worker: Resource;
  readonly minter: Resource;
  readonly inspector: Resource;
  readonly operator: Resource;
  /** All of the template. */
  readonly resources: readonly Resource[];
  /** The worker's client and its budget; `latte` is another client. */
  readonly client: string;
  readonly budget: string;
}

/** Requests that an attacker's code inside a worker might make. Each is a sentence that starts with the worker. */
export function attacksOf(scene: Scene): readonly AwsRequest[] {
  const { worker, minter, inspector, operator, resources, client, budget } = scene;
  const find = (type: string, name = ''): Resource => {
    const found = resources.find((resource) => resource.type === type && resource.id.includes(name));
    if (found === undefined) throw new Error(`the template has no ${type} ${name}`);
    return found;
  };
  const key = find('AWS::KMS::Key');
  const table = find('AWS::DynamoDB::GlobalTable');
  const TableName = table.id;
  const principal: string = worker.properties.Role;

  const by = (
    purpose: string,
    action: string,
    resource: string,
    context: AwsRequest['context'] = {},
  ): AwsRequest => ({
    purpose,
    principal,
    action,
    resource,
    context: { 'lambda:SourceFunctionArn': worker.arn, ...context },
  });
  /** Through an SDK client; of a request of DynamoDB not the uses of the key that it would make next. */
  const call = (purpose: string, service: string, operation: string, input: Input): AwsRequest[] =>
    awsRequestsOf({ principal, functionArn: worker.arn, service, operation, input }, key.arn)
      .filter(({ action }) => !action.startsWith('kms:'))
      .map((request) => ({ ...request, purpose }));
  const dynamodb = (purpose: string, operation: string, input: Input): AwsRequest[] =>
    call(purpose, 'dynamodb', operation, { TableName, ...input });
  const at = (pk: string): Pick<Input, 'Key'> => ({ Key: { [TABLE.partitionKey]: { S: pk } } });
  const item = (pk: string): Pick<Input, 'Item'> => ({
    Item: { [TABLE.partitionKey]: { S: pk }, accessToken: { S: 'mine' } },
  });
  const set = (pk: string, attribute: string): Input => ({
    ...at(pk),
    UpdateExpression: `SET ${attribute} = :value`,
  });
  const queue = (name: string): Input => ({ QueueUrl: find('AWS::SQS::Queue', name).id });

  return [
    ...dynamodb("reads another client's token", 'GetItem', at(TABLE.tokenKey('latte'))),
    ...dynamodb("reads its client's mint record", 'GetItem', at(TABLE.mintKey(client))),
    ...dynamodb("reads the minter's listing state", 'GetItem', at(TABLE.listingKey)),
    ...call('reads all tokens at once', 'dynamodb', 'BatchGetItem', {
      RequestItems: {
        [TableName]: {
          Keys: ['latte', client].map((name) => ({ [TABLE.partitionKey]: { S: TABLE.tokenKey(name) } })),
        },
      },
    }),
    ...dynamodb('reads the whole table', 'Scan', {}),
    ...dynamodb("queries the table for another client's token", 'Query', {
      KeyConditionExpression: `${TABLE.partitionKey} = :pk`,
      ExpressionAttributeValues: { ':pk': { S: TABLE.tokenKey('latte') } },
    }),
    ...dynamodb('queries the index for the names of all clients', 'Query', {
      IndexName: TABLE.dueIndex.name,
      KeyConditionExpression: `${TABLE.dueIndex.partitionKey} = :due`,
      ExpressionAttributeValues: { ':due': { S: 'mint' } },
    }),
    by('reads its token by PartiQL', 'dynamodb:PartiQLSelect', table.arn, {
      'dynamodb:LeadingKeys': [TABLE.tokenKey(client)],
    }),
    ...dynamodb('stores a token of its own', 'PutItem', item(TABLE.tokenKey(client))),
    ...dynamodb('changes the token of its client', 'UpdateItem', set(TABLE.tokenKey(client), 'accessToken')),
    ...dynamodb('removes the token of its client', 'DeleteItem', at(TABLE.tokenKey(client))),
    ...dynamodb('delays the mints of another client', 'UpdateItem', set(TABLE.mintKey('latte'), 'dueAtMs')),
    ...dynamodb(
      "requests a mint of another client's token",
      'UpdateItem',
      set(TABLE.requestKey('latte'), 'untilMs'),
    ),
    ...dynamodb(
      "uses up the minter's tickets",
      'UpdateItem',
      set(TABLE.budgetKey(budget, 'minter'), 'nextMs'),
    ),
    ...dynamodb(
      'stops all minting for ever',
      'UpdateItem',
      set(TABLE.budgetKey(budget, 'minter'), 'blockedUntilMs'),
    ),
    ...dynamodb("reads the minter's counter", 'UpdateItem', {
      ...at(TABLE.budgetKey(budget, 'minter')),
      UpdateExpression: 'REMOVE nothing',
      ReturnValues: 'ALL_NEW',
    }),
    ...dynamodb(
      'uses up the tickets of another address',
      'UpdateItem',
      set(TABLE.budgetKey('other', 'worker'), 'nextMs'),
    ),
    ...dynamodb('orders a pause of its budget', 'UpdateItem', set(TABLE.orderKey(budget), 'untilMs')),
    ...dynamodb("replaces an operator's orders", 'PutItem', item(TABLE.orderKey(budget))),
    ...dynamodb("removes an operator's orders", 'DeleteItem', at(TABLE.orderKey(budget))),
    ...dynamodb('resets the counter of its own budget', 'DeleteItem', at(TABLE.budgetKey(budget, 'worker'))),
    ...dynamodb('replaces the counter of its own budget', 'PutItem', item(TABLE.budgetKey(budget, 'worker'))),
    ...call("uses up the minter's tickets in a transaction", 'dynamodb', 'TransactWriteItems', {
      TransactItems: [{ Update: { TableName, ...set(TABLE.budgetKey(budget, 'minter'), 'nextMs') } }],
    }),
    by('updates an item without naming its key', 'dynamodb:UpdateItem', table.arn),
    by('deletes the table', 'dynamodb:DeleteTable', table.arn),
    by('turns on the expiry of counters', 'dynamodb:UpdateTimeToLive', table.arn),
    by('copies the table', 'dynamodb:ExportTableToPointInTime', table.arn),
    ...call('reads the secret of its client', 'secretsmanager', 'GetSecretValue', {
      SecretId: `plume/m2m/${client}`,
    }),
    ...call('lists all secrets', 'secretsmanager', 'ListSecrets', {}),
    ...call('invokes the inspector', 'lambda', 'Invoke', { FunctionName: inspector.arn }),
    ...call('gives an order', 'lambda', 'Invoke', { FunctionName: operator.arn }),
    ...dynamodb('pauses its budget', 'UpdateItem', set(TABLE.orderKey(budget), 'pause')),
    ...call('invokes itself', 'lambda', 'Invoke', { FunctionName: worker.arn }),
    by('replaces the code of the minter', 'lambda:UpdateFunctionCode', minter.arn),
    by("changes the minter's configuration", 'lambda:UpdateFunctionConfiguration', minter.arn),
    ...call('receives results', 'sqs', 'ReceiveMessage', queue('Results')),
    ...call('receives dead letters', 'sqs', 'ReceiveMessage', queue('DeadLetters')),
    ...call('sends to the queue of dead ticks', 'sqs', 'SendMessage', queue('DeadTicks')),
    ...call('purges the results', 'sqs', 'PurgeQueue', queue('Results')),
    by('decrypts with the key itself', 'kms:Decrypt', key.arn),
    by('decrypts with the key through another service', 'kms:Decrypt', key.arn, {
      ...VIA_DYNAMODB,
      'kms:ViaService': `secretsmanager.${REGION}.amazonaws.com`,
    }),
    by('deletes the key', 'kms:ScheduleKeyDeletion', key.arn),
    by('publishes to the alarm topic', 'sns:Publish', find('AWS::SNS::Topic').arn),
    by(
      "writes to the minter's log",
      'logs:PutLogEvents',
      `arn:aws:logs:${REGION}:${ACCOUNT}:log-group:${minter.properties.LoggingConfig.LogGroup}:log-stream:a`,
    ),
    by('adds permissions to its role', 'iam:PutRolePolicy', principal),
    by('deletes the schedule', 'scheduler:DeleteSchedule', find('AWS::Scheduler::Schedule').arn),
  ];
}
