/** An M2M client as the vendor knows it. */
export interface CloudClient {
  readonly name: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly partner: string;
  /** How long its tokens live, in seconds. */
  readonly lifetimeSeconds: number;
}

/** The header that the vendor hands over (vendor document: `Basic base64(clientId:clientSecret)`, nothing encoded before). */
export function authorizationOf({ clientId, clientSecret }: CloudClient): string {
  return `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`;
}

/** The only scope that a client may ask for (vendor document). */
export function scopeOf({ partner }: CloudClient): string {
  return `partnerId:${partner} role:partnerIdAdmin`;
}
