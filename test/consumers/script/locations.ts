import { createPlume } from 'plume-m2m-token-broker';

const mocha = createPlume({ client: 'mocha' });

const locations = await mocha.run((plume) => plume.json('/api/v1/locations', { query: { limit: 2 } }));
process.stdout.write(`${JSON.stringify(locations)}\n`);
