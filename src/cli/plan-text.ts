/**
 * A plan for a person.
 */
import { beginningText, waitingText } from './doctor-source.ts';
import { madeWith } from './doctor-kafka.ts';
import type { Plan, PlannedFailure, PlannedFeed, PlannedSchema, PlannedSource, PlannedTopic } from './plan-of.ts';
import { counted, spanText, timeText } from './words.ts';

export function planLines({ topics, sources, feeds }: Plan): readonly string[] {
  const width = Math.max(0, ...topics.map(({ topic }) => topic.length));
  return [
    'Topics',
    ...topics.flatMap((topic) => topicLines(topic, width)),
    '',
    'Sources',
    ...sources.map(sourceLine),
    '',
    'Feeds',
    ...feeds.flatMap(feedLines),
  ];
}

/** `Nothing was changed: 2 topics are to be made; of 3 feeds 1 starts, 1 goes on, 1 is stopped.` */
export function planSummary({ topics, feeds }: Plan): string {
  const missing = topics.filter(({ exists }) => exists === false).length;
  const stopped = feeds.filter(({ failures }) => failures.some(({ answer }) => answer === null));
  const begin = (kind: 'starts' | 'goes-on'): number =>
    feeds.filter((feed) => feed.beginning?.kind === kind && !stopped.includes(feed)).length;
  const [starts, goesOn] = [begin('starts'), begin('goes-on')];
  const unknown = feeds.length - starts - goesOn - stopped.length;
  const become = [
    ...(starts === 0 ? [] : [`${starts} ${starts === 1 ? 'starts' : 'start'}`]),
    ...(goesOn === 0 ? [] : [`${goesOn} ${goesOn === 1 ? 'goes' : 'go'} on`]),
    ...(stopped.length === 0 ? [] : [`${stopped.length} ${stopped.length === 1 ? 'is' : 'are'} stopped`]),
    ...(unknown === 0 ? [] : [`${unknown} could not be looked at`]),
  ];
  const made = `${counted(missing, 'topic')} ${missing === 1 ? 'is' : 'are'} to be made`;
  return `Nothing was changed: ${made}${feeds.length === 0 ? '' : `; of ${counted(feeds.length, 'feed')} ${become.join(', ')}`}.`;
}

function topicLines(topic: PlannedTopic, width: number): readonly string[] {
  const { exists, remarks } = topic;
  // Null: it may not be seen, or Kafka was not asked.
  const state = exists === null ? 'hidden' : exists ? 'exists' : 'create';
  const made = exists === true ? counted(topic.partitions, 'partition') : madeWith(topic);
  return [`  ${state}  ${topic.topic.padEnd(width)}  ${made}`, ...remarks.map((remark) => `          ${remark}`)];
}

function sourceLine({ source, feeds, pollMs, cron, requestsPerSecond }: PlannedSource): string {
  if (pollMs === null)
    return `  ${source}: ${counted(feeds, 'feed')} polled by ${cron ?? 'cron'}; a question a feed and poll while nothing is new`;
  const rate = Math.round((requestsPerSecond ?? 0) * 100) / 100;
  return `  ${source}: ${counted(feeds, 'feed')} polled every ${spanText(pollMs)}; ${rate} questions a second while nothing is new`;
}

function feedLines({ feed, topic, generation, latest, beginning, waiting, schemas, failures }: PlannedFeed): readonly string[] {
  const raised = generation === 1 ? '' : `, generation ${generation}`;
  const at = latest?.at === null || latest === null ? '' : ` of ${timeText(latest.at)}`;
  return [
    `  ${feed} → ${topic}${raised}`,
    ...(latest === null ? [] : [`    latest   version ${latest.version}${at}`]),
    ...(beginning === null ? [] : [`    ${beginning.kind === 'starts' ? 'starts ' : 'goes on'}  ${beginningText(beginning)}`]),
    ...(waiting === null ? [] : [`    waiting  ${waitingText(waiting)}`]),
    ...schemas.map(schemaLine),
    ...failures.flatMap(failureLines),
  ];
}

function failureLines({ message, remedy, answer }: PlannedFailure): readonly string[] {
  return answer === null ? [`    stopped  ${message}`, `             → ${remedy}`] : [`    meets    ${message}; ${answer}`];
}

function schemaLine({ part, subject, name, framing }: PlannedSchema): string {
  const where = subject === null ? '' : `, subject ${subject}`;
  const known = name === null ? 'new' : `${framing === 'id' ? 'id' : 'GUID'} ${name}`;
  return `    ${part.padEnd(7)}  schema ${known}${where}`;
}
