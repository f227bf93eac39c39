import type { ErrorCode } from '../errors.ts';

/** What an error means and what to do about it, as halves of one sentence. */
export interface Explanation {
  readonly happened: string;
  readonly remedy: string;
}

export type Endpoint = 'token' | 'introspection';
export type ExplanationTable = Partial<Readonly<Record<ErrorCode, Explanation>>>;

const INVALID_CLIENT: Explanation = {
  happened: 'the Authorization header is incorrect or no longer valid',
  remedy: "store the header that Plume's Partner Portal shows for this client in the secret",
};

const INVALID_REQUEST: Explanation = {
  happened:
    'the structure of the request is invalid, for example a malformed Authorization header, credentials sent twice or not at all, or a duplicate parameter',
  remedy:
    "check the secret's authorization against the Partner Portal, and that nothing between here and Plume rewrites requests",
};

/** The errors of both endpoints (vendor document, error handling; RFC 6749 section 5.2, RFC 7662 section 2.3). */
export const SERVER_ERRORS: Readonly<Record<Endpoint, ExplanationTable>> = {
  token: {
    invalid_client: INVALID_CLIENT,
    invalid_grant: {
      happened: 'the grant type is incorrect; it must be client_credentials, and that is what was sent',
      remedy:
        "check that the secret's tokenUrl is the one Plume shared, and ask Plume whether this client may use it",
    },
    invalid_request: INVALID_REQUEST,
    invalid_scope: {
      happened: 'the scope is incorrect or not allowed to this client',
      remedy:
        "set the secret's scope to partnerId:<partner> role:partnerIdAdmin with the partner of these credentials",
    },
    unsupported_grant_type: {
      happened: 'the server does not support the grant type client_credentials',
      remedy: "check that the secret's tokenUrl is the one Plume shared",
    },
  },
  introspection: { invalid_client: INVALID_CLIENT, invalid_request: INVALID_REQUEST },
};

/** The outcomes that the server does not name itself. */
export const OTHER_ERRORS = {
  oauth_error_unknown: {
    happened: 'the server refused the request for a reason that Plume does not document',
    remedy: "check the secret's tokenUrl, and ask Plume about this client",
  },
  oauth_unavailable: {
    happened: 'the server could not be reached or could not answer',
    remedy: 'try again later; if it lasts, check the way out of the network and the tokenUrl',
  },
  oauth_throttled: {
    happened: 'the server asks for fewer requests',
    remedy: 'try again after the time it states, or with growing pauses',
  },
  oauth_response_invalid: {
    happened: 'the response breaks the protocol',
    remedy: "check that the secret's tokenUrl is the one Plume shared and no proxy answers in its place",
  },
} as const satisfies ExplanationTable;
