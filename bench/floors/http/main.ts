/**
 * The floor of the HTTP figures: a bare `node:http` server that sends bytes which the service sent before, one answer
 * after the other. It reads the body of a request to its end and looks at nothing. It ends with its parent.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface CannedAnswer {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

process.on('disconnect', () => process.exit(0));
process.once('message', (answers: readonly CannedAnswer[]) => {
  const canned = answers.map(({ headers, body }) => ({ headers, body: Buffer.from(body) }));
  let next = 0;
  const answer = (response: ServerResponse) => {
    const { headers, body } = canned[next++ % canned.length] as (typeof canned)[number];
    response.writeHead(200, headers);
    response.end(body);
  };
  const server = createServer((request, response) => {
    if (request.method === 'GET') return answer(response);
    readToEnd(request, () => answer(response));
  });
  server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
});

function readToEnd(request: IncomingMessage, done: () => void): void {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', done);
}
