import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { standBefore } from './stand-before.js';

/** By connection, the answers that have had to wait behind another one and are not over. */
type Waiting = WeakMap<Socket, Set<ServerResponse>>;

/**
 * A caller may send its next requests before it has the first answer. When it hangs up, Node closes the answer that is
 * its turn and says nothing to those behind it, whose places and watches would be kept for ever. From now on they close
 * too. Stands before the listener that the framework has set on the server.
 */
export function closeWaitingAnswers(server: Server): void {
  const waiting: Waiting = new WeakMap();
  standBefore(server, (request, response, ordinary) => {
    if (response.socket === null) closeWith(request.socket, response, waiting);
    void ordinary(request, response);
  });
}

function closeWith(socket: Socket, response: ServerResponse, waiting: Waiting): void {
  const answers = waiting.get(socket) ?? new Set();
  if (!waiting.has(socket)) socket.once('close', () => answers.forEach(closeUnsent));
  waiting.set(socket, answers.add(response));
  response.once('close', () => answers.delete(response));
}

/** One whose turn had come is closed by Node itself, and closing twice would give a place back twice. */
function closeUnsent(response: ServerResponse): void {
  if (response.socket !== null || response.writableFinished) return;
  response.destroy();
  response.emit('close');
}
