import { cpuSecondsOf, memoryOf } from './proc.js';

const LOOK_MS = 20;

export interface Watched {
  /** The start of the process included, up to the last look. */
  readonly cpuSeconds: number;
  readonly peakMb: number;
  /** The most that was resident in the first and in the last third of the looks. */
  readonly firstThirdMb: number;
  readonly lastThirdMb: number;
}

/** Looks at a process from outside, every 20 ms, until the answer is called. Throws there if it was never seen. */
export function watch(pid: number): () => Watched {
  const resident: number[] = [];
  let [peakMb, cpuSeconds] = [0, 0];
  const look = () => {
    const memory = memoryOf(pid);
    if (!memory) return;
    cpuSeconds = cpuSecondsOf(pid);
    resident.push(memory.residentMb);
    peakMb = memory.peakMb;
  };
  const looking = setInterval(look, LOOK_MS).unref();
  return () => {
    clearInterval(looking);
    if (resident.length === 0) throw new Error('the process was gone before it could be looked at');
    const third = Math.ceil(resident.length / 3);
    const most = (looks: readonly number[]) => Math.max(...looks);
    const thirds = { firstThirdMb: most(resident.slice(0, third)), lastThirdMb: most(resident.slice(-third)) };
    return { cpuSeconds, peakMb, ...thirds };
  };
}
