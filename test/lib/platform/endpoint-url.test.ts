import { describe, expect, test } from 'vitest';

import { parseCredentials } from '../../../lib/credentials/credentials.ts';
import { endpointUse, parseApiUrl, parseEndpointUrl } from '../../../lib/platform/endpoint-url.ts';

const HERE = {};
/** As Lambda sets it; its runtime API listens there. */
const LAMBDA = { AWS_LAMBDA_RUNTIME_API: '127.0.0.1:9001' };

describe('http to loopback', () => {
  test.each(['http://127.0.0.1:9001/token', 'http://localhost/token', 'http://[::1]:81/token'])(
    'is taken on a developer’s machine and refused inside Lambda: %s',
    (url) => {
      expect(parseEndpointUrl(url, endpointUse(HERE))).toEqual({ url });
      expect(parseEndpointUrl(url, endpointUse(LAMBDA))).toEqual({
        rule: 'must be an https URL (http to loopback works outside of Lambda only)',
      });
    },
  );

  test('is refused inside Lambda as the address of the API and in a secret', () => {
    expect(parseApiUrl('http://127.0.0.1:9001/', endpointUse(LAMBDA))).toHaveProperty('rule');
    const secret = {
      authorization: `Basic ${Buffer.from('id:secret').toString('base64')}`,
      tokenUrl: 'http://127.0.0.1:9001/token',
      scope: 'partnerId:mocha-partner role:partnerIdAdmin',
    };
    const parse = (use = {}) => parseCredentials('mocha', JSON.stringify(secret), use);
    expect(() => parse(endpointUse(LAMBDA))).toThrow(
      /tokenUrl must be an https URL \(http to loopback works/,
    );
    expect(parse(endpointUse(HERE)).tokenUrl).toBe(secret.tokenUrl);
    const introspects = { ...secret, tokenUrl: 'https://a.example/token', introspectUrl: secret.tokenUrl };
    expect(() => parseCredentials('mocha', JSON.stringify(introspects), endpointUse(LAMBDA))).toThrow(
      /introspectUrl must be an https URL/,
    );
  });

  test('that is no loopback is refused everywhere', () => {
    for (const use of [HERE, LAMBDA])
      expect(parseEndpointUrl('http://a.example/token', endpointUse(use))).toHaveProperty('rule');
  });
});

test('https is taken everywhere', () => {
  for (const use of [HERE, LAMBDA])
    expect(parseApiUrl('https://api.plume.example/', endpointUse(use))).toHaveProperty('url');
});
