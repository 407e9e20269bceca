import type { Replica, ReplicaScene } from './scene.js';

/** Replicas of which any may be killed at any moment, each replaced by a new one. */
export class Fleet {
  kills = 0;
  readonly #replicas: (Replica | undefined)[];
  readonly #starting = new Set<Promise<void>>();

  private constructor(
    private readonly scene: ReplicaScene,
    replicas: readonly Replica[],
  ) {
    this.#replicas = [...replicas];
  }

  static async launch(scene: ReplicaScene, size: number): Promise<Fleet> {
    return new Fleet(scene, await Promise.all(Array.from({ length: size }, () => scene.launch())));
  }

  /** The one named, or another where it is being replaced. */
  at(index: number): Replica {
    const { length } = this.#replicas;
    const found = Array.from({ length }, (_, n) => this.#replicas[(index + n) % length]).find(Boolean);
    if (!found) throw new Error('no replica is running');
    return found;
  }

  /** Kills one, unless one is being replaced; the new one is ready some seconds later. */
  async kill(index: number): Promise<void> {
    const victim = this.#replicas[index];
    if (this.#starting.size > 0 || !victim) return;
    this.kills += 1;
    this.#replicas[index] = undefined;
    await victim.process.kill('SIGKILL');
    const starting = this.scene.launch().then((replica) => {
      this.#replicas[index] = replica;
      this.#starting.delete(starting);
    });
    this.#starting.add(starting);
  }

  async settle(): Promise<void> {
    await Promise.all(this.#starting);
  }
}

/** The answer, or undefined where the replica was killed while it was asked: nobody then knows what became of it. */
export async function unlessKilled<Answer>(asked: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await asked;
  } catch {
    return undefined;
  }
}
