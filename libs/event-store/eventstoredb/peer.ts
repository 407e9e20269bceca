/**
 * Who is at the other end of one socket, and how far in the ledger it has shown to be. What another node has shown says
 * nothing about this one: a leader that was cut off from the others knows less, and may not know so yet.
 */
export class Peer {
  private furthest = 0;

  get n(): number {
    return this.furthest;
  }

  reach(n: number): void {
    this.furthest = Math.max(this.furthest, n);
  }
}
