/**
 * The floor of the feed and of the filter: a bare `node:http` server that knows no ledger. What is posted it tells all
 * who watch and answers then; a line is answered with a line that the service answered before. It ends with its parent.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface CannedStreams {
  /** The data of a change, and a line of a filter. */
  readonly change: string;
  readonly line: string;
}

const NEWLINE = 0x0a;
const watching = new Set<ServerResponse>();
let told = 0;

process.on('disconnect', () => process.exit(0));
process.once('message', ({ change, line }: CannedStreams) => {
  const answer = Buffer.from(`${line}\n`);
  const server = createServer((request, response) => {
    if (request.method === 'GET') watch(response);
    else if (request.url === '/filter') filter(request, response, answer);
    else tell(request, response, change);
  });
  server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
});

function watch(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.flushHeaders();
  watching.add(response);
  response.on('close', () => watching.delete(response));
}

function tell(request: IncomingMessage, response: ServerResponse, change: string): void {
  request.resume();
  request.on('end', () => {
    const eventId = `floor-${told++}`;
    const data = change.replace(/"eventId":"[^"]*"/, `"eventId":"${eventId}"`);
    for (const one of watching) one.write(`id: x.${told}\nevent: change\ndata: ${data}\n\n`);
    response.writeHead(201, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ eventId }));
  });
}

function filter(request: IncomingMessage, response: ServerResponse, answer: Buffer): void {
  response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  request.on('data', (chunk: Buffer) => {
    let lines = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, at + 1)) lines += 1;
    if (response.write(Buffer.concat(Array.from({ length: lines }, () => answer)))) return;
    request.pause();
    response.once('drain', () => request.resume());
  });
  request.on('end', () => response.end());
}
