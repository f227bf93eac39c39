import { createPlume } from 'plume-m2m-token-broker';

const mocha = createPlume({ client: 'mocha' });

async function main(): Promise<void> {
  const locations = await mocha.run((plume) => plume.json('/api/v1/locations', { query: { limit: 2 } }));
  // On a line of its own, after those of the metrics.
  process.stdout.write(`\n${JSON.stringify(locations)}\n`);
}

void main();
