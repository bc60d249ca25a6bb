/**
 * How a command ends badly: a text for stderr and an exit status. Docker's statuses carry over: 1 for most failures, 125 for
 * a flag that cannot be read, 125 to 127 for a container that could not be started.
 */

export class CliFailure extends Error {
  override readonly name = "CliFailure";
  /** 0 .. 255. */
  readonly exitCode: number;

  /** An empty message prints nothing: the status alone is the news. */
  constructor(message: string, exitCode = 1, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

/** A flag's value that cannot be read; the command it belongs to adds its usage to the text. */
export class FlagError extends Error {
  override readonly name = "FlagError";
}
