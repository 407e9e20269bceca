import { jest } from '@jest/globals';
import { StoreUnavailable, type EventStore } from '#event-store';

/** From now on the ledger takes so many appends, and then goes away for one. */
export function failAfter(store: EventStore, appends: number): void {
  const append = store.append.bind(store);
  let left = appends;
  const spy = jest.spyOn(store, 'append').mockImplementation((...args) => {
    if (left-- > 0) return append(...args);
    spy.mockRestore();
    return Promise.reject(new StoreUnavailable('the ledger went away'));
  });
}
