import middy from '@middy/core';
import { plume } from 'plume-m2m-token-broker';

export const handler = middy()
  .use(plume({ client: 'mocha' }))
  .handler(async (_event: unknown, context) => {
    const response = await context.plume.fetch('/v1/locations');
    return response.json();
  });
