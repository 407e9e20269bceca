import { connect } from 'node:net';

/**
 * Writes bytes to the service as they are and resolves with all that it answers, once it has answered or hung up. For
 * what no HTTP client lets one send.
 */
export function sendBytes(base: string, bytes: string | Uint8Array): Promise<string> {
  const { hostname, port } = new URL(base);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    const chunks: Buffer[] = [];
    const answer = () => Buffer.concat(chunks).toString();
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      if (isComplete(answer())) socket.destroy();
    });
    socket.on('close', () => resolve(answer()));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // The service may hang up on what it will not read to the end; what it said before counts.
      if (error.code === 'ECONNRESET' || error.code === 'EPIPE') resolve(answer());
      else reject(error);
    });
    socket.write(bytes);
  });
}

function isComplete(answer: string): boolean {
  const [head = '', ...body] = answer.split('\r\n\r\n');
  const length = /content-length: (\d+)/i.exec(head)?.[1];
  return length !== undefined && Buffer.byteLength(body.join('\r\n\r\n')) >= Number(length);
}
