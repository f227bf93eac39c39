/** What every SDK client of the local world needs besides its endpoint: nobody checks the signature. */
export const LOCAL_SDK_CONFIG = {
  region: 'us-east-1',
  credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
} as const;
