/**
 * Undo steps, pushed beside each deed. Disposed without `commit()` it runs them newest first, never stops at the first
 * failure, and throws one AggregateError at the end if any failed.
 */
export class Rollback implements AsyncDisposable {
  #steps: { readonly name: string; readonly undo: () => Promise<void> | void }[] = [];

  /** Registers how to undo what was just done; `name` says what the step is for, in error texts. */
  add(name: string, undo: () => Promise<void> | void): void {
    this.#steps.push({ name, undo });
  }

  /** Everything worked: forget the undo steps. */
  commit(): void {
    this.#steps = [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const errors: Error[] = [];
    for (const step of this.#steps.splice(0).reverse()) {
      try {
        await step.undo();
      } catch (cause) {
        errors.push(new Error(`undo ${step.name}`, { cause }));
      }
    }
    if (errors.length > 0) throw new AggregateError(errors, errors.map((error) => error.message).join("; "));
  }
}
