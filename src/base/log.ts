/**
 * Logging as the parts see it: four levels, structured fields first. The daemon passes a pino logger, tests and the library
 * pass `silentLog`; nothing below `daemon/` knows pino.
 */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

const nothing = (): void => undefined;

export const silentLog: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
