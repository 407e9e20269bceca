import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { SlowAnswers } from './slow-answers.js';
import { closeWaitingAnswers } from './waiting-answers.js';

const TIMEOUT_MS = 200;
const REQUEST = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n';
/** More than is taken on the way by who does not read. */
const MORE_THAN_ROOM = Buffer.alloc(64 * 1024 * 1024);

let slow: SlowAnswers;
let server: Server;
let caller: Socket;
let answers: ServerResponse[];
beforeEach(async () => {
  answers = [];
  server = createServer((_request, response) => void answers.push(response));
  closeWaitingAnswers(server);
  slow = new SlowAnswers(TIMEOUT_MS);
  slow.stand(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  caller = connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => undefined);
  await once(caller, 'connect');
});
afterEach(() => {
  slow.close();
  caller.destroy();
  server.closeAllConnections();
  server.close();
});

/** Sends one more request, and gives the answer that is to be made. */
async function ask(): Promise<ServerResponse> {
  const count = answers.length;
  caller.write(REQUEST);
  while (answers.length === count) await once(server, 'request');
  return answers[count] as ServerResponse;
}

it('cuts off who does not take an answer', async () => {
  const answer = await ask();
  answer.end(MORE_THAN_ROOM);
  await once(answer, 'close');
  expect(caller.bytesRead).toBeLessThan(MORE_THAN_ROOM.length);
});

it('cuts off who waits for something else first', async () => {
  const [first, second] = [await ask(), await ask()];
  second.end('two');
  await Promise.all([once(first, 'close'), once(second, 'close')]);
  expect(first.writableEnded).toBe(false);
});

it('leaves alone what takes long to make, and what is taken', async () => {
  const answer = await ask();
  setTimeout(() => answer.end('made'), 4 * TIMEOUT_MS);
  const [text] = (await once(caller, 'data')) as [Buffer];
  expect(text.toString()).toContain('made');
  const next = await ask();
  next.end('again');
  await once(next, 'finish');
});
