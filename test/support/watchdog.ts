import { spawn, type ChildProcess } from 'node:child_process';

/**
 * A test that crashes cannot clean up. A shell waits for the end of a pipe that this process alone holds open, and then
 * kills the server.
 */
export function killedWithThisProcess(child: ChildProcess, pid: number): void {
  const watchdog = spawn('sh', ['-c', 'cat >/dev/null; kill -9 "$1"', 'watchdog', String(pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  watchdog.unref();
  (watchdog.stdin as unknown as { unref(): void }).unref();
  child.once('exit', () => watchdog.kill('SIGKILL'));
}
