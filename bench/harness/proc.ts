import { readFileSync, readdirSync } from 'node:fs';

/** What the kernel counts in, for every process it shows under /proc: a hundredth of a second (proc(5), `utime`). */
const TICKS_PER_SECOND = 100;
const KIB_PER_MB = 1_000_000 / 1024;

/** CPU seconds, in user mode and in the kernel, of all threads of a process so far. Exact to about 10 ms. */
export function cpuSecondsOf(pid: number): number {
  return cpuSecondsIn(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}

/** The same of a process and of those that it has started. */
export function cpuSecondsOfAll(pid: number): number {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && parentOf(Number(name)) === pid);
  return [pid, ...pids.map(Number)].reduce((total, one) => total + cpuSecondsOf(one), 0);
}

/** Undefined where it has ended. */
function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined;
  }
}

/** The name stands in brackets and may hold anything, so the fields are counted from the last bracket on. */
export function cpuSecondsIn(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [utime, stime] = [Number(fields[11]), Number(fields[12])];
  if (Number.isNaN(utime + stime)) throw new Error('this is not what /proc/<pid>/stat looks like');
  return (utime + stime) / TICKS_PER_SECOND;
}

export interface Memory {
  readonly residentMb: number;
  readonly peakMb: number;
}

/** Megabytes (10^6 bytes) that a process has in memory; undefined once it has ended. */
export function memoryOf(pid: number): Memory | undefined {
  try {
    return memoryIn(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || (error as NodeJS.ErrnoException).code === 'ESRCH') {
      return undefined;
    }
    throw error;
  }
}

/** A process that is ending still has its file, without the lines on memory. */
export function memoryIn(status: string): Memory | undefined {
  const [resident, peak] = ['VmRSS', 'VmHWM'].map((name) => {
    const kib = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1];
    return kib === undefined ? undefined : Number(kib) / KIB_PER_MB;
  });
  return resident === undefined || peak === undefined ? undefined : { residentMb: resident, peakMb: peak };
}
