import { PlumeError } from '../errors.ts';

/** A call as messages name it: without its query, which can hold personal data. */
export interface NamedCall {
  /** In capital letters, such as `GET`. */
  readonly method: string;
  /** Of the URL that is called, such as `/v1/locations`. */
  readonly path: string;
}

/** What came of it: no status if there was no response, an id if the API gave one. */
interface CallEnd {
  readonly status: number | undefined;
  readonly requestId: string | undefined;
}

/** The WAF refused the call: the address is over its limit. Every instance has been told to stop. */
export class WafBlockedError extends PlumeError {
  constructor(client: string, { method, path }: NamedCall, retryAtMs: number) {
    super(
      'waf_blocked',
      `Plume's firewall refused ${method} ${path} for client ${client}: too many calls left this address; all calls rest until the moment given in retryAtMs. If this happens without other callers behind the same address, lower the budget's rate`,
      { client, retryAtMs },
    );
  }
}

/** No response, or a part of one: the connection failed, or the time was over. */
export class ApiUnreachableError extends PlumeError {
  /** The system's word for it, such as `ECONNREFUSED`; `timeout` if the time was over. */
  readonly reason: string;

  constructor(client: string, request: NamedCall, reason: string) {
    super(
      'api_unreachable',
      `${request.method} ${request.path} for client ${client} got no complete response (${reason}); whether Plume's API acted on it is not known`,
      { client },
    );
    this.reason = reason;
  }
}

/** The call was never sent: it is malformed, or would carry the access token to somebody else. */
export class RequestRefusedError extends PlumeError {
  /** @param call undefined if it goes nowhere that could be named */
  constructor(client: string, call: NamedCall | undefined, rule: string) {
    const name =
      call === undefined ? `a call of client ${client}` : `${call.method} ${call.path} for client ${client}`;
    super('request_refused', `${name} was refused: ${rule}`, { client });
  }
}

/** The call would be made again, after a rejected token or as its retry policy asks, but its body is used up. */
export class RequestNotRepeatableError extends PlumeError {
  constructor(client: string, request: NamedCall, end: CallEnd) {
    super(
      'request_not_repeatable',
      `${request.method} ${request.path} for client ${client} ${answered(end)} and its body, a stream, cannot be sent a second time; pass a string or a Buffer, or make the call again${end.status === 401 ? ': the token has been replaced' : ''}`,
      { client },
    );
  }
}

/** The API's answer is not what was asked for: its status is no success, or its body is no JSON. */
export class ApiError extends PlumeError {
  /** Of the call: in capital letters, such as `GET`. */
  readonly method: string;
  /** Without the query, which can hold personal data. */
  readonly path: string;
  /** Of the answer (RFC 9110 section 15); 200 to 299 if it is the body that is no JSON. */
  readonly status: number;
  /** The API's name for the call, if it gave one. */
  readonly requestId?: string;

  constructor(
    client: string,
    call: NamedCall,
    end: {
      readonly status: number;
      readonly requestId: string | undefined;
      readonly retryAtMs: number | undefined;
    },
  ) {
    const { method, path } = call;
    const { status, requestId, retryAtMs } = end;
    const isSuccess = status >= 200 && status < 300;
    super(
      'api_error',
      `${method} ${path} for client ${client} ${answered(end)}${isSuccess ? ', and its body is not JSON' : ''}; to see the body, make the call with fetch`,
      { client, retryAtMs },
    );
    this.method = method;
    this.path = path;
    this.status = status;
    if (requestId !== undefined) this.requestId = requestId;
  }
}

/** The invocation is about to end, and the call had not been sent: it may be made again. */
export class InvocationOverError extends PlumeError {
  constructor(client: string, retryAtMs: number) {
    super(
      'invocation_over',
      `a call of client ${client} was not sent: the time of its invocation is over; make it again in another one, or give the function a longer time-out`,
      { client, retryAtMs },
    );
  }
}

/** The handler has returned: its calls end with it, since tickets must not outlive the invocation. */
export class SessionClosedError extends PlumeError {
  constructor(client: string) {
    super(
      'session_closed',
      `a call of client ${client} outlived its invocation and was aborted; await every call`,
      {
        client,
      },
    );
  }
}

function answered({ status, requestId }: CallEnd): string {
  if (status === undefined) return 'got no response';
  return `was answered ${status}${requestId === undefined ? '' : ` (request id ${requestId})`}`;
}
