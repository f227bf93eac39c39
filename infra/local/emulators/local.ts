/** What every SDK client on this machine needs besides its endpoint. No emulator checks the signature. */
export const LOCAL_SDK_CONFIG = {
  region: 'us-east-1',
  credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
} as const;

/** Takes a part over: it stops with the stack, the latest first. */
export function ownedBy(
  stack: AsyncDisposableStack,
): <Owned extends { stop(): Promise<void> }>(part: Owned) => Owned {
  return (part) => stack.adopt(part, (owned) => owned.stop());
}

/** A function's environment as Lambda has it, with the emulators' endpoints. */
export function localEnvironment(endpoints: {
  readonly dynamodb: string;
  readonly lambda?: string;
  readonly secretsManager?: string;
  readonly sqs?: string;
}): Readonly<Record<string, string>> {
  const { dynamodb, lambda, secretsManager, sqs } = endpoints;
  return {
    AWS_REGION: LOCAL_SDK_CONFIG.region,
    AWS_ACCESS_KEY_ID: LOCAL_SDK_CONFIG.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: LOCAL_SDK_CONFIG.credentials.secretAccessKey,
    // The machine's own AWS configuration does not reach the functions.
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_ENDPOINT_URL_DYNAMODB: dynamodb,
    ...(lambda !== undefined && { AWS_ENDPOINT_URL_LAMBDA: lambda }),
    ...(secretsManager !== undefined && { AWS_ENDPOINT_URL_SECRETS_MANAGER: secretsManager }),
    ...(sqs !== undefined && { AWS_ENDPOINT_URL_SQS: sqs }),
  };
}
