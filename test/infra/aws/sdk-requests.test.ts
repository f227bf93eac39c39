import { expect, test } from 'vitest';

import { awsRequestsOf, type Input } from '../../fixtures/iam/sdk-requests.ts';

/** The condition keys that DynamoDB would set: the test of permissions is worth as much as these are right. */

const contextOf = (operation: string, input: Input) =>
  awsRequestsOf(
    {
      principal: 'role',
      functionArn: 'fn',
      service: 'dynamodb',
      operation,
      input: { TableName: 't', ...input },
    },
    'key',
  )[0]?.context;

test('an update names its key and the attributes of all its expressions, by whatever name', () => {
  expect(
    contextOf('UpdateItem', {
      Key: { pk: { S: 'a' } },
      UpdateExpression: 'SET next = if_not_exists(next, :zero) + :n, #ttl = :ttl REMOVE inner.part, list[0]',
      ConditionExpression:
        'attribute_not_exists(until) OR (next BETWEEN :low AND :high AND NOT until IN (:a, :b))',
      ExpressionAttributeNames: { '#ttl': 'ttl' },
      ReturnValues: 'ALL_NEW',
    }),
  ).toEqual({
    'dynamodb:LeadingKeys': ['a'],
    'dynamodb:Attributes': ['pk', 'until', 'next', 'ttl', 'inner', 'list'],
    'dynamodb:ReturnValues': 'ALL_NEW',
    'lambda:SourceFunctionArn': 'fn',
  });
});

test('a query of the index names the value of its partition key, and a put all attributes of its item', () => {
  expect(
    contextOf('Query', {
      IndexName: 'due',
      KeyConditionExpression: '#at <= :by AND #due = :due',
      ExpressionAttributeNames: { '#due': 'due', '#at': 'dueAtMs' },
      ExpressionAttributeValues: { ':due': { S: 'mint' }, ':by': { N: '1' } },
    }),
  ).toMatchObject({ 'dynamodb:LeadingKeys': ['mint'], 'dynamodb:Attributes': ['dueAtMs', 'due'] });
  expect(contextOf('PutItem', { Item: { pk: { S: 'a' }, x: { N: '1' } } })).toMatchObject({
    'dynamodb:LeadingKeys': ['a'],
    'dynamodb:Attributes': ['pk', 'x'],
  });
});

test('a scan names no key', () => {
  expect(contextOf('Scan', {})).toEqual({ 'lambda:SourceFunctionArn': 'fn' });
});
