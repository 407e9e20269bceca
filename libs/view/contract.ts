import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { EMPTY_BUSINESS, EMPTY_STATE, fold, type RecipientState } from '#consent';
import { ViewMoved, type BusinessRow, type RecipientRow, type ViewStore } from './port.js';

/** Opens the same storage again each time, so that what was committed must be found there. */
export type OpenView = () => Promise<ViewStore>;

function stateOf(recipientId: string, revision: number): RecipientState {
  const occurredAt = `2026-01-01T00:00:00.${String(revision).padStart(3, '0')}Z`;
  const data = { businessId: 'acme', occurredAt, channel: 'whatsapp', sender: 'main', kind: 'message' } as const;
  const eventId = `00000000-0000-4000-8000-${String(revision).padStart(12, '0')}`;
  const origin = { eventId, stream: `conversation-${recipientId}`, revision: String(revision), recordedAt: occurredAt };
  return fold(EMPTY_STATE, { type: 'UserMessaged', data }, origin);
}

const rowOf = (recipientId: string, revision = 0): RecipientRow => ({
  businessId: 'acme',
  state: stateOf(recipientId, revision),
});

/** What every storage of the eligibility view promises. `start` makes an empty one and gives a way to open it. */
export function viewStoreContract(
  start: () => Promise<{ open: OpenView; ledgerId: string; remove: () => Promise<void> }>,
): void {
  let place: Awaited<ReturnType<typeof start>>;
  let view: ViewStore;
  const at = (n: number) => `${place.ledgerId}.${n}`;
  const commit = (
    from: number | undefined,
    to: number,
    recipients: [string, RecipientRow][],
    businesses: BusinessRow[] = [],
  ) =>
    view.commit({
      recipients: new Map(recipients),
      businesses: new Map(businesses.map((row) => [row.businessId, row])),
      from: from === undefined ? undefined : at(from),
      to: at(to),
    });

  beforeEach(async () => {
    place = await start();
    view = await place.open();
  });

  afterEach(async () => {
    await view.close();
    await place.remove();
  });

  describe('a view store', () => {
    it('is empty and nowhere before the first commit', async () => {
      expect(await view.position()).toBeUndefined();
      expect(await view.read(['r1', 'r2'])).toStrictEqual({ position: undefined, rows: [undefined, undefined] });
      expect(await view.businesses()).toStrictEqual([]);
    });

    it('gives rows in the order asked for, with the position of the same copy', async () => {
      await commit(undefined, 7, [
        ['r1', rowOf('r1')],
        ['R1', rowOf('R1', 1)],
      ]);
      const { position, rows } = await view.read(['R1', 'unknown', 'r1', 'R1']);
      expect(position).toBe(at(7));
      expect(rows).toStrictEqual([rowOf('R1', 1), undefined, rowOf('r1'), rowOf('R1', 1)]);
    });

    it('answers for others beside what can be nobody, and moves on', async () => {
      await commit(
        undefined,
        7,
        [
          ['r1', rowOf('r1')],
          ['no\0body', rowOf('no\0body')],
        ],
        [{ businessId: 'no\0business', revision: '0', state: EMPTY_BUSINESS }],
      );
      const { position, rows } = await view.read(['no\0body at all', 'r1']);
      expect([position, ...rows]).toStrictEqual([at(7), undefined, rowOf('r1')]);
    });

    it('replaces a row that was read before', async () => {
      await commit(undefined, 1, [['r1', rowOf('r1')]]);
      await view.read(['r1']);
      await commit(1, 2, [['r1', rowOf('r1', 1)]]);
      expect(await view.read(['r1'])).toStrictEqual({ position: at(2), rows: [rowOf('r1', 1)] });
    });

    it('shows a row that was asked for before it was there', async () => {
      await commit(undefined, 1, []);
      await view.read(['r1']);
      await commit(1, 2, [['r1', rowOf('r1')]]);
      expect((await view.read(['r1'])).rows).toStrictEqual([rowOf('r1')]);
    });

    it('reads a thousand rows at once', async () => {
      const recipientIds = Array.from({ length: 1_000 }, (_, n) => `r${n}`);
      await commit(
        undefined,
        1,
        recipientIds.map((recipientId, n) => [recipientId, rowOf(recipientId, n)]),
      );
      const { rows } = await view.read(recipientIds);
      expect(rows).toStrictEqual(recipientIds.map((recipientId, n) => rowOf(recipientId, n)));
    });

    it('keeps businesses with their revision', async () => {
      const row = (revision: string): BusinessRow => ({ businessId: 'acme', revision, state: EMPTY_BUSINESS });
      await commit(undefined, 1, [], [row('0'), { ...row('3'), businessId: 'zeta' }]);
      await commit(1, 2, [], [row('4')]);
      expect(await view.businesses()).toStrictEqual([row('4'), { ...row('3'), businessId: 'zeta' }]);
    });

    it('refuses a commit that does not begin where it stands, and changes nothing', async () => {
      await commit(undefined, 5, [['r1', rowOf('r1')]]);
      await expect(commit(4, 6, [['r1', rowOf('r1', 9)]])).rejects.toBeInstanceOf(ViewMoved);
      await expect(commit(undefined, 6, [['r1', rowOf('r1', 9)]])).rejects.toBeInstanceOf(ViewMoved);
      expect(await view.read(['r1'])).toStrictEqual({ position: at(5), rows: [rowOf('r1')] });
    });

    it('lets one of two projectors through', async () => {
      const other = await place.open();
      await commit(undefined, 5, [['r1', rowOf('r1')]]);
      const late = { recipients: new Map(), businesses: new Map(), from: undefined, to: at(9) };
      await expect(other.commit(late)).rejects.toBeInstanceOf(ViewMoved);
      expect(await other.position()).toBe(at(5));
      expect((await other.read(['r1'])).rows).toStrictEqual([rowOf('r1')]);
      await other.close();
    });

    it('is found again as it was left', async () => {
      await commit(undefined, 5, [['r1', rowOf('r1')]]);
      await view.close();
      view = await place.open();
      expect(await view.read(['r1'])).toStrictEqual({ position: at(5), rows: [rowOf('r1')] });
    });
  });
}
