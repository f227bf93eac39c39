/**
 * What AWS lists for us-east-1, in US dollars without free tiers, as of 2025. Each group names the page that it is
 * from; whoever changes a number changes the date.
 */
export const PRICES_AS_OF = '2025';

export const PRICES = {
  /** Amazon DynamoDB pricing, on-demand capacity, standard table class. */
  dynamodb: { millionWrites: 0.625, millionReads: 0.125 },
  /** AWS Lambda pricing, Arm, first tier. */
  lambda: { gigabyteSecond: 0.0000133334, millionInvocations: 0.2 },
  /** AWS Secrets Manager pricing. */
  secretsManager: { secret: 0.4, tenThousandCalls: 0.05 },
  /** AWS Key Management Service pricing, symmetric keys. */
  kms: { key: 1, tenThousandRequests: 0.03 },
  /** Amazon CloudWatch pricing: custom metrics (by the hour), standard-resolution alarms (by the metric), standard logs; dashboards beyond the third. */
  cloudwatch: { metric: 0.3, alarm: 0.1, gigabyteOfLogs: 0.5, dashboard: 3, dashboardsFree: 3 },
  /** Amazon EventBridge pricing: events of one's own, invocations of API destinations and by EventBridge Scheduler. */
  eventBridge: { millionEvents: 1, millionApiDestinationInvocations: 0.2, millionScheduled: 1 },
  /** Amazon SQS pricing, standard queues. */
  sqs: { millionRequests: 0.4 },
  /** AWS X-Ray pricing, traces recorded. */
  xray: { millionTraces: 5 },
} as const;
