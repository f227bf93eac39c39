/** The values that the vendor's document prints, for tests. */
export const VENDOR = {
  authorization:
    'Basic MG9hMXkxM2VwYTlOZVhlY00waDg6YnhLM0duSTJPSmtjRVBuSkNvUHZjMXlualNCQ2VEOXZqWEIyeXFJd0hmRVIycFRkVGdXN1dqQTdpVzUyUEZkWA==',
  clientId: '0oa1y13epa9NeXecM0h8',
  clientSecret: 'bxK3GnI2OJkcEPnJCoPvc1ynjSBCeD9vjXB2yqIwHfER2pTdTgW7WjA7iW52PFdX',
  tokenUrl: 'https://external-dev.sso.plume.com/oauth2/ausyobolcc8T2qLhP0h7/v1/token',
  introspectUrl: 'https://external-dev.sso.plume.com/oauth2/ausyobolcc8T2qLhP0h7/v1/introspect',
  scope: 'partnerId:mocha-partner role:partnerIdAdmin',
  accessToken: [
    'eyJraWQiOiJLeW9kYy1Mb1RNM1Q1UlpWWTFNTkJTaVNpMkhTSU1zSm9zWW05dm5xQ2MwIiwiYWxnIjo',
    'iUlMyNTYifQ.eyJ2ZXIiOjEsImp0aSI6IkFULi1MVW14cXVVbkVucGNqT1dYR0lTeDFoOFZaakhKUXB2eXBFbjZLdEFxeVEi',
    'LCJpc3MiOiJodHRwczovL2V4dGVybmFsLWRldi5zc28ucGx1bWUuY29tL29hdXRoMi9hdXN5b2JvbGNjOFQycUxoUDBoNyIs',
    'ImF1ZCI6ImFwaTovL20ybV9jaV9kZXYiLCJpYXQiOjE3MDMyNzgxNDEsImV4cCI6MTcwMzI3OTk0MSwiY2lkIjoiMG9hMXkx',
    'M2VwYTlOZVhlY00waDgiLCJzY3AiOlsicGFydG5lcklkOm1vY2hhLXBhcnRuZXIiLCJyb2xlOnBhcnRuZXJJZEFkbWluIl0s',
    'InN1YiI6IjBvYTF5MTNlcGE5TmVYZWNNMGg4In0.SAAvuc1U2esjUa0PLiskYEU3fVn_avTgzZTDjEsgoxp6IjilaZxZa8eA',
    'zqMFnAfuz3dirUZi00opArp08rSxlKg3aDOhjeYISvjXXlJO6JUXkDc-MeHNKlzV1KaYbx_gnzGeastflRbhRW-kyPAaKtH3',
    'wpTHJbQbeNGuAGS8jyOlaA_JlwxmaL3lGBniSH8JOQjDepLF5_nDtyX46yHVt8Vdp5kOMO3JalDowf6m4xDA8OoS5cXkPC6X',
    'Cm21smXlhIYzDYT1AXXPtYbIqj8aAVWc6uJcfCOeL7LJsbsz6gljSm7YLA-6luoKScc5lgxuh2T3tfwW3TaQPL0RXwq6GQ',
  ].join(''),
  jwtExpSeconds: 1_703_279_941,
  introspection: {
    active: true,
    scope: 'partnerId:mocha-partner role:partnerIdAdmin',
    exp: 1_703_282_659,
    iat: 1_703_280_859,
    sub: '0oa1y13epa9NeXecM0h8',
    aud: 'api://m2m_ci_dev',
    iss: 'https://external-dev.sso.plume.com/oauth2/ausyobolcc8T2qLhP0h7',
    jti: 'AT.dWKeK8iEQmI1ENDfTBS46JLHE5DDPwjMy_7rzJxo2iw',
    token_type: 'Bearer',
    client_id: '0oa1y13epa9NeXecM0h8',
  },
} as const;
