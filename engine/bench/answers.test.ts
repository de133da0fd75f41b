import { describe, expect, it } from 'vitest';
import { createAnswerReader } from './answers.ts';

const answers = [
  'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\nhello',
  'HTTP/1.1 204 No Content\r\nDate: x\r\n\r\n',
  'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n',
  'HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nabc',
];

describe('the answer reader', () => {
  it('finds every status, however the bytes are cut', () => {
    for (let cut = 1; cut <= 40; cut++) {
      const reader = createAnswerReader();
      const found: number[] = [];
      for (const answer of answers) {
        for (let at = 0; at < answer.length; at += cut) {
          const piece = Buffer.from(answer.slice(at, at + cut));
          const status = reader.take(piece, piece.length);
          if (status !== 0) found.push(status);
        }
      }
      expect(found).toEqual([200, 204, 200, 404]);
    }
  });

  it('says when it is not HTTP or when there is more than one answer', () => {
    const garbage = Buffer.from('not an answer at all\r\n\r\n');
    expect(createAnswerReader().take(garbage, garbage.length)).toBe(-1);
    const two = Buffer.from(answers[0]! + answers[1]!);
    expect(createAnswerReader().take(two, two.length)).toBe(-1);
  });
});
