/** Many pieces of work, a bounded number of them at a time. */

/**
 * Gives each item to `body` in order, at most `limit` at once; settles when all are done. A failure does not keep the others
 * from their turn: at the end the only one is thrown, or an AggregateError of several.
 */
export async function someAtOnce<T>(
  items: readonly T[],
  limit: number,
  body: (item: T) => Promise<unknown>,
): Promise<void> {
  const waiting = items.values();
  const errors: unknown[] = [];
  const worker = async (): Promise<void> => {
    for (const item of waiting) {
      try {
        await body(item);
      } catch (error) {
        errors.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  if (errors.length > 1) throw new AggregateError(errors, `${errors.length} of ${items.length} failed`);
  if (errors.length === 1) throw errors[0];
}
