/** Italian mobile numbers, a thousand to each test file, so that no two tests speak of one person by accident. */
export function people(thousand: number): () => string {
  let next = 0;
  return () => {
    if (next === 1_000) throw new RangeError('a test file has a thousand people');
    return `+39333${String(thousand).padStart(4, '0')}${String(next++).padStart(3, '0')}`;
  };
}

/** Runs the task so many times, the numbers from 0 shared out among `lanes` that go on side by side. */
export async function inLanes(times: number, lanes: number, task: (n: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < times) await task(next++);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}
