import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Exit } from '../../support/process.js';
import type { RelayOrder } from './relay-main.js';

const PROGRAM = join(process.cwd(), 'dist', 'test', 'kafka', 'relay', 'relay-main.js');

/** What the process tells of itself; `Infinity` becomes null on the way. */
interface Told {
  readonly leader: boolean;
  readonly healed: number;
  readonly lanes: readonly { readonly name: string; readonly lagMs: number | null; readonly position?: string }[];
}

const running = new Set<RelayProcess>();

/** A relay in a process of its own. */
export class RelayProcess {
  private constructor(
    private readonly child: ChildProcess,
    private readonly port: number,
  ) {
    running.add(this);
  }

  /** Resolves once it can be asked. */
  static async launch(order: RelayOrder): Promise<RelayProcess> {
    const child = spawn(process.execPath, [PROGRAM, JSON.stringify(order)], {
      cwd: tmpdir(),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(child, 'exit').then(() => Promise.reject(new Error('the relay ended before it could be asked')));
    const [line] = (await Promise.race([once(child.stdout, 'data'), ended])) as [Buffer];
    return new RelayProcess(child, Number(line.toString()));
  }

  async status(): Promise<Told> {
    return (await (await fetch(`http://127.0.0.1:${this.port}/`)).json()) as Told;
  }

  /** Nothing of it runs, and its clock and lease go on. */
  pause(): void {
    this.child.kill('SIGSTOP');
  }

  resume(): void {
    this.child.kill('SIGCONT');
  }

  async kill(signal: NodeJS.Signals): Promise<Exit> {
    running.delete(this);
    const { exitCode } = this.child;
    if (exitCode !== null) return { code: exitCode, signal: null };
    this.child.kill(signal);
    const [code, by] = (await once(this.child, 'exit')) as [number | null, NodeJS.Signals | null];
    return { code, signal: by };
  }
}

/** For `afterEach`. */
export async function killRelays(): Promise<void> {
  await Promise.all([...running].map((one) => one.kill('SIGKILL')));
}
