import type { Basis } from '#consent';
import type { Chapter } from './chapters.js';
import { UsageError } from './failures.js';
import { jsonOf, printable } from './formats.js';
import { says } from './says.js';
import type { Answer, Asked } from './story.js';

export const STORY_FORMATS = ['table', 'ndjson'] as const;

/** How a story is written out. */
export interface StoryFormat {
  head(asked: Asked): string;
  chapter(chapter: Chapter): string;
  /** The answer at the end, which no event stands beside. */
  end(answer: Answer): string;
}

/** The event as a replay writes it, whom it tells of, and the answer as a check gives it. */
const ndjson: StoryFormat = {
  head: () => '',
  chapter: ({ shown, recipientId, answer }) => {
    const rest = JSON.stringify({ recipientId, says: says(shown.content), answer });
    return `{"event":${jsonOf(shown)},${rest.slice(1)}\n`;
  },
  end: (answer) => `${JSON.stringify({ answer })}\n`,
};

/** For people: each event, below it the answer and what it rests on. */
const table: StoryFormat = {
  head: ({ businessId, recipientId, channel, purpose, sender }) => {
    const from = sender === undefined ? '' : `, from ${sender}`;
    return line(`May ${businessId} message ${recipientId} on ${channel} for ${purpose}${from}?`) + '\n';
  },
  chapter: ({ shown, recipientId, answer }) => {
    const { stored, content, recordedAt = 'not dated', occurredAt = '-', isSealed } = shown;
    const about = recipientId === undefined ? 'register' : recipientId === answer.recipientId ? '' : 'linked';
    const said = [stored.type, says(content), isSealed ? '[sealed]' : ''].filter((text) => text !== '').join('  ');
    return (
      line(`${recordedAt}  ${about.padEnd(8)}  ${said}`) +
      line(`${INDENT}it happened ${occurredAt}; ${stored.stream} ${stored.revision}, event ${stored.id}`) +
      answered(answer)
    );
  },
  end: (answer) => line(`${answer.decidedAt}  the answer then, up to ${answer.position}`) + answered(answer),
};

const INDENT = ' '.repeat(26);

function answered(answer: Answer): string {
  const { eligible, reason, explanation, basis, validUntil, windowOpenUntil } = answer;
  const until = validUntil === undefined ? '' : ` It holds until ${validUntil}.`;
  const window = windowOpenUntil === undefined ? '' : ` The window for replies is open until ${windowOpenUntil}.`;
  return (
    line(`${INDENT}${eligible ? 'YES' : 'NO '} ${reason}: ${explanation}${until}${window}`) +
    (basis ? line(`${INDENT}    because of ${restsOn(basis)}`) : '') +
    '\n'
  );
}

function restsOn({ type, stream, revision, occurredAt }: Basis): string {
  return `${type} of ${occurredAt}, ${stream} ${revision}`;
}

function line(text: string): string {
  return `${printable(text)}\n`;
}

const BY_NAME: Readonly<Record<(typeof STORY_FORMATS)[number], StoryFormat>> = { table, ndjson };

export function storyFormatOf(format: string | undefined, isTerminal: boolean): StoryFormat {
  if (format === undefined) return isTerminal ? table : ndjson;
  const known = STORY_FORMATS.find((name) => name === format);
  if (known === undefined) throw new UsageError(`--format is one of ${STORY_FORMATS.join(', ')}`);
  return BY_NAME[known];
}
