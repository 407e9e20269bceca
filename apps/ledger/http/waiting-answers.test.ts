import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { closeWaitingAnswers } from './waiting-answers.js';

const REQUEST = 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi';

let server: Server;
let caller: Socket;
let answers: ServerResponse[];
/** How often each of the answers has closed. */
let closed: number[];
beforeEach(async () => {
  [answers, closed] = [[], []];
  server = createServer((request, response) => {
    const index = answers.push(response) - 1;
    closed[index] = 0;
    response.on('close', () => (closed[index] = (closed[index] ?? 0) + 1));
    request.resume();
  });
  closeWaitingAnswers(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  caller = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(caller, 'connect');
});
afterEach(() => {
  caller.destroy();
  server.closeAllConnections();
  server.close();
});

async function sendAll(count: number): Promise<void> {
  caller.write(REQUEST.repeat(count));
  while (answers.length < count) await once(server, 'request');
}

async function hangUp(): Promise<void> {
  const over = new Promise((resolve) => answers[0]?.req.socket.once('close', resolve));
  caller.destroy();
  await over;
}

it('closes each answer once when the caller hangs up, also those that wait for their turn', async () => {
  await sendAll(12);
  await hangUp();
  expect(closed).toEqual(Array.from({ length: 12 }, () => 1));
  expect(answers.every(({ destroyed }) => destroyed)).toBe(true);
});

it('leaves alone what was answered, and what Node closes itself', async () => {
  await sendAll(4);
  const second = once(answers[1] as ServerResponse, 'close');
  answers[1]?.end('two');
  answers[0]?.end('one');
  await second;
  expect(closed).toEqual([1, 1, 0, 0]);
  answers[3]?.end('four, which waits for the third');
  await hangUp();
  expect(closed).toEqual([1, 1, 1, 1]);
});
