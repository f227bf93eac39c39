import { PlumeError } from '../errors.ts';

/** A call as messages name it: without its query, which can hold personal data. */
export interface NamedCall {
  /** In capital letters, such as `GET`. */
  readonly method: string;
  /** Of the URL that is called, such as `/v1/locations`. */
  readonly path: string;
}

/** What came of a call. */
export interface CallEnd {
  /** Undefined if there was no response. */
  readonly status: number | undefined;
  /** The API's name for the call, if it gave one. */
  readonly requestId: string | undefined;
}

/** No response, or only a part of one: the connection failed, or the time-out passed. */
export class ApiUnreachableError extends PlumeError<'api_unreachable'> {
  override readonly name = 'ApiUnreachableError';
  /** The system's word for it, such as `ECONNREFUSED`; `timeout` if no response began in time. */
  readonly reason: string;

  constructor(client: string, request: NamedCall, reason: string) {
    super(
      'api_unreachable',
      `${request.method} ${request.path} of client ${client} got no complete response (${reason}). Whether Plume's API acted on it is not known: repeat it only if that is safe`,
      { client },
    );
    this.reason = reason;
  }
}

/** The call was not sent: it is invalid, or would carry the access token to another origin. */
export class RequestRefusedError extends PlumeError<'request_refused'> {
  override readonly name = 'RequestRefusedError';

  /** @param call - undefined if it has no valid URL */
  constructor(client: string, call: NamedCall | undefined, rule: string) {
    const name = call === undefined ? 'a call' : `${call.method} ${call.path}`;
    super('request_refused', `${name} of client ${client} was not sent: ${rule}; correct the call`, {
      client,
    });
  }
}

/** The call had to be sent again, after a rejected token or by its retry policy, but its body was a stream and is used up. */
export class RequestNotRepeatableError extends PlumeError<'request_not_repeatable'> {
  override readonly name = 'RequestNotRepeatableError';

  constructor(client: string, request: NamedCall, end: CallEnd) {
    super(
      'request_not_repeatable',
      `${request.method} ${request.path} of client ${client} ${answered(end)} and cannot be sent again, since its body was a stream and is used up; pass a string or a Buffer, or make the call again${end.status === 401 ? ' (the token has been replaced)' : ''}`,
      { client },
    );
  }
}

/** `json` got a status that is not a success, or a body that is not JSON. */
export class ApiError extends PlumeError<'api_error'> {
  override readonly name = 'ApiError';
  /** Of the call: in capital letters, such as `GET`. */
  readonly method: string;
  /** Without the query, which can hold personal data. */
  readonly path: string;
  /** Of the answer (RFC 9110 section 15); 200 to 299 if the body is not JSON. */
  readonly status: number;
  /** The API's name for the call, if it gave one. */
  declare readonly requestId?: string;

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
      `${method} ${path} of client ${client} ${answered(end)}${isSuccess ? ', and its body is not JSON' : ''}; to see the body, make the call with fetch`,
      { client, retryAtMs },
    );
    this.method = method;
    this.path = path;
    this.status = status;
    if (requestId !== undefined) this.requestId = requestId;
  }
}

/** The invocation is about to end and the call was not sent: it may be made again. */
export class InvocationOverError extends PlumeError<'invocation_over'> {
  override readonly name = 'InvocationOverError';

  constructor(client: string, retryAtMs: number) {
    super(
      'invocation_over',
      `a call of client ${client} was not sent because its invocation has no time left; make it in another invocation, or give the function a longer time-out`,
      { client, retryAtMs },
    );
  }
}

/** The handler has returned, and its calls end with it: no ticket may outlive its invocation. */
export class SessionClosedError extends PlumeError<'session_closed'> {
  override readonly name = 'SessionClosedError';

  constructor(client: string) {
    super(
      'session_closed',
      `a call of client ${client} was not finished when its handler returned, and was aborted; await every call and read its body before the handler returns`,
      { client },
    );
  }
}

function answered({ status, requestId }: CallEnd): string {
  if (status === undefined) return 'got no response';
  return `was answered ${status}${requestId === undefined ? '' : ` (request id ${requestId})`}`;
}
