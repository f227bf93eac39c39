import { CreateQueueCommand, GetQueueAttributesCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { buildApp } from 'fauxqs';

/** SQS inside this process. */
export async function startQueueServer(): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const app = buildApp({ logger: false });
  // fauxqs's own start function would listen on every address of the machine.
  const url = await app.listen({ port: 0, host: '127.0.0.1' });
  return {
    url,
    async stop() {
      app.server.closeAllConnections();
      await app.close();
    },
  };
}

/** The URLs of a run's queues. */
export interface QueueUrls {
  readonly jobs: string;
  readonly results: string;
  readonly deadLetters: string;
  /** Ticks that the minter failed at. */
  readonly deadTicks: string;
}

/** Creates the queue of jobs with its dead-letter queue, the queue of results, and that of the ticks that failed. */
export async function createQueues(
  sqs: SQSClient,
  endpoint: string,
  { visibilitySeconds, maxReceiveCount }: { visibilitySeconds: number; maxReceiveCount: number },
): Promise<QueueUrls> {
  const deadLetters = await createQueue(sqs, endpoint, 'dead-letters');
  const { Attributes } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: deadLetters, AttributeNames: ['QueueArn'] }),
  );
  const jobs = await createQueue(sqs, endpoint, 'jobs', {
    VisibilityTimeout: String(visibilitySeconds),
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn: Attributes?.QueueArn, maxReceiveCount }),
  });
  const results = await createQueue(sqs, endpoint, 'results');
  return { deadLetters, jobs, results, deadTicks: await createQueue(sqs, endpoint, 'dead-ticks') };
}

async function createQueue(
  sqs: SQSClient,
  endpoint: string,
  QueueName: string,
  Attributes: Record<string, string> = {},
): Promise<string> {
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName, Attributes }));
  if (QueueUrl === undefined) throw new Error(`the queue ${QueueName} was not created`);
  // fauxqs names itself sqs.<region>.localhost, which not every resolver knows; the SDK goes where the URL says.
  return `${endpoint}${new URL(QueueUrl).pathname}`;
}
