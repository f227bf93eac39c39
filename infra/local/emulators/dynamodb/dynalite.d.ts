declare module 'dynalite' {
  import type { Server } from 'node:http';

  /** A DynamoDB engine as a server that is not listening yet; its data live in memory. */
  function dynalite(options?: { createTableMs?: number; deleteTableMs?: number }): Server;
  export = dynalite;
}
