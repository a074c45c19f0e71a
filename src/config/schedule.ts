/**
 * Whether a cron pattern and a time zone are such: five fields (minute, hour, day of month, month, day of week) or six (seconds before them).
 */

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'] as const;
const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;

interface CronField {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  /** Names that stand for `min`, `min` + 1 … */
  readonly words: readonly string[];
}

const FIELDS: readonly CronField[] = [
  { name: 'second', min: 0, max: 59, words: [] },
  { name: 'minute', min: 0, max: 59, words: [] },
  { name: 'hour', min: 0, max: 23, words: [] },
  { name: 'day of month', min: 1, max: 31, words: [] },
  { name: 'month', min: 1, max: 12, words: MONTHS },
  { name: 'day of week', min: 0, max: 7, words: WEEKDAYS },
];

/** Null if the pattern is sound, else what is wrong with it. */
export function cronProblem(pattern: string): string | null {
  const texts = pattern.trim().split(/\s+/);
  if (texts.length !== 5 && texts.length !== 6) return `has ${texts.length} fields instead of five or six, as in \`*/5 * * * *\``;
  const fields = FIELDS.slice(FIELDS.length - texts.length);
  for (const [i, field] of fields.entries()) {
    const text = texts[i] ?? '';
    if (!text.split(',').every((part) => isSoundPart(part, field))) {
      return `has \`${text}\` as its ${field.name}: that is a number from ${field.min} to ${field.max}, a range \`a-b\`, \`*\`, a step \`*/n\`, or a list of these`;
    }
  }
  return null;
}

/** Whether the runtime knows the IANA time zone. */
export function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

function isSoundPart(part: string, field: CronField): boolean {
  const match = /^(?:(\*)|(\w+)(?:-(\w+))?)(?:\/(\d{1,2}))?$/.exec(part);
  if (match === null) return false;
  const [, star, from, to, step] = match;
  if (step !== undefined && (Number(step) < 1 || Number(step) > field.max)) return false;
  if (star !== undefined) return true;
  const first = fieldNumber(from ?? '', field);
  const last = to === undefined ? first : fieldNumber(to, field);
  return first !== null && last !== null && first <= last && (step === undefined || to !== undefined);
}

function fieldNumber(text: string, field: CronField): number | null {
  const word = field.words.indexOf(text.toLowerCase());
  if (word >= 0) return word + field.min;
  if (!/^\d{1,2}$/.test(text)) return null;
  const number = Number(text);
  return number >= field.min && number <= field.max ? number : null;
}
