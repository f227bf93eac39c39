const { subscribe } = require('node:diagnostics_channel');

/** Calls the API by both copies of the package, and prints how often a token was read from the table. */
let tokenReads = 0;
subscribe('http.client.request.created', ({ request }) => {
  const end = request.end.bind(request);
  request.end = (body, ...others) => {
    const isGet = String(request.getHeader('x-amz-target')).endsWith('.GetItem');
    if (isGet && Buffer.from(body).includes('"token#')) tokenReads += 1;
    return end(body, ...others);
  };
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
