/** Resources in the order in which they were opened; closed in reverse, also when the start breaks off half way. */
export class Opened {
  private readonly closers: (() => Promise<unknown>)[] = [];
  private closing: Promise<void> | undefined;

  add<T>(resource: T, close: (resource: T) => Promise<unknown>): T {
    this.closers.push(() => close(resource));
    return resource;
  }

  close(): Promise<void> {
    return (this.closing ??= this.closeAll());
  }

  /** One that fails to close does not keep the others open; the first failure is reported at the end. */
  private async closeAll(): Promise<void> {
    const failures: unknown[] = [];
    for (const close of this.closers.reverse()) await close().catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  }
}
