/** Tells the WAF's 403 from the API's own. */
export type IsWafBlock = (response: Response) => boolean;

/** The API answers in JSON, the WAF in front of it does not (vendor document: 403 beyond the limit). */
export const isWafBlock: IsWafBlock = (response) =>
  response.status === 403 &&
  !/^application\/([\w.+-]+\+)?json\b/i.test(response.headers.get('content-type') ?? '');
