import { ApiError, createPlume, isPlumeError } from 'plume-m2m-token-broker';
import { createTestBroker } from 'plume-m2m-token-broker/testing';

async function main(): Promise<void> {
  const respond = (request: Request): Response =>
    new Response(null, { status: request.url.endsWith('/away') ? 404 : 204 });
  const broker = await createTestBroker({ respond });
  const mocha = createPlume({ client: 'mocha', broker });
  const call = (path: string): Promise<unknown> => mocha.run((plume) => plume.json(path));

  await call('/v1/locations');
  broker.clock.advance(600_000);
  await call('/v1/locations');
  const away: unknown = await call('/v1/away').catch((error: unknown) => error);
  broker.exhaustBudget(60_000);
  const exhausted: unknown = await call('/v1/locations').catch((error: unknown) => error);
  await broker.stop();

  process.stdout.write(
    `${JSON.stringify({
      tokens: broker.tokensIssued(),
      // The kit throws the errors that the runtime exports.
      away: away instanceof ApiError && away.status,
      exhausted: isPlumeError(exhausted) && exhausted.code,
    })}\n`,
  );
}

void main();
