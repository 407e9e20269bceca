/** Stands for a lock in a process of its own; says when it is chosen, and ends once it no longer is. */
import { LockElection, openPostgres } from '#postgres';

const [url = '', name = '', leaseMs] = process.argv.slice(2);
const postgres = openPostgres({ url });
const term = await new LockElection(postgres, name, { leaseMs: Number(leaseMs) }).stand(new AbortController().signal);
console.log('chosen');
term.over.addEventListener('abort', () => {
  console.log('over');
  void postgres.close();
});
