const { subscribe } = require('node:diagnostics_channel');

/** Calls the API by both copies of the package, and prints how often a token was read from the table. */
let tokenReads = 0;
subscribe('http.client.request.start', ({ request }) => {
  if (String(request.getHeader('x-amz-target')).endsWith('.GetItem')) tokenReads += 1;
});

async function main() {
  const copies = [require('plume-m2m-token-broker'), await import('plume-m2m-token-broker')];
  for (const { createPlume } of copies) {
    const mocha = createPlume({ client: 'mocha' });
    await mocha.run((plume) => plume.json('/v1/locations'));
  }
  const different = new Set(copies.map(({ createPlume }) => createPlume));
  process.stdout.write(`\n${JSON.stringify({ copies: different.size, tokenReads })}\n`);
}

void main();
