import { describe, expect, it } from '@jest/globals';
import { ResponseReader, headersOf } from './response.js';

const ANSWER = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nContent-Length: 5\r\nDate: now\r\n\r\nhello';

describe('ResponseReader', () => {
  it('reads an answer that comes at once, and the next one', () => {
    const reader = new ResponseReader();
    for (let time = 0; time < 2; time++) {
      const response = reader.push(Buffer.from(ANSWER));
      expect(response?.status).toBe(200);
      expect(response?.body.toString()).toBe('hello');
    }
  });

  it('reads an answer that comes byte by byte', () => {
    const reader = new ResponseReader();
    const pushed = [...Buffer.from(ANSWER)].map((byte) => reader.push(Buffer.from([byte])));
    expect(pushed.slice(0, -1).every((response) => response === undefined)).toBe(true);
    expect(pushed.at(-1)?.body.toString()).toBe('hello');
  });

  it('refuses two answers to one question, and an answer of unknown length', () => {
    expect(() => new ResponseReader().push(Buffer.from(ANSWER + ANSWER))).toThrow('more came');
    const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
    expect(() => new ResponseReader().push(Buffer.from(chunked))).toThrow('Content-Length');
  });
});

describe('headersOf', () => {
  it('leaves out what Node adds by itself', () => {
    const [head = ''] = ANSWER.split('\r\n\r\n');
    expect(headersOf(head)).toEqual({ 'content-type': 'application/json', 'Content-Length': '5' });
  });
});
