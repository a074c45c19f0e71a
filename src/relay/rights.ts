/**
 * The rights that the relay works with on a cluster with ACLs: README's table, for whoever grants them before it runs.
 */
import type { Right } from '../ports/publisher.ts';

export interface NeededRight {
  readonly on: 'topic' | 'transactional id' | 'group';
  /** `prefix`: of everything whose name begins so. */
  readonly pattern: 'prefix' | 'literal';
  readonly name: string;
  /** Read and Write bring Describe with them. */
  readonly rights: readonly Right[];
}

export interface RightsRequest {
  /** `relay.name`. */
  readonly name: string;
  readonly recipients: readonly string[];
  /** Data topics, of all feeds and generations. */
  readonly topics: readonly string[];
  /** Whether the relay makes `<relay.name>.checkpoints`. */
  readonly makesCheckpoints: boolean;
  /** `kafka.topics.create`. */
  readonly makesTopics: boolean;
}

/** None of them on the cluster. */
export function neededRights({ name, recipients, topics, makesCheckpoints, makesTopics }: RightsRequest): readonly NeededRight[] {
  const work: readonly Right[] = ['Read', 'Write', 'DescribeConfigs'];
  const withCreate = (makes: boolean): readonly Right[] => (makes ? [...work, 'Create'] : work);
  const own = `${name}.`;
  const prefixes = recipients.map((recipient) => `${recipient}.`);
  // What is under no recipient's prefix was named by `topic:`, and may be anywhere.
  const others = topics.filter((topic) => !prefixes.some((prefix) => topic.startsWith(prefix)));
  return [
    { on: 'topic', pattern: 'prefix', name: own, rights: withCreate(makesCheckpoints) },
    { on: 'transactional id', pattern: 'prefix', name: own, rights: ['Write'] },
    { on: 'group', pattern: 'prefix', name: own, rights: ['Read'] },
    ...prefixes.map((prefix) => ({ on: 'topic', pattern: 'prefix', name: prefix, rights: withCreate(makesTopics) }) as const),
    ...[...new Set(others)].flatMap((topic) => {
      const rights = withCreate(makesTopics);
      // With a generation the topic's name grows: `<topic>.g2`. Just its name as a prefix would open `<topic>-of-others` too.
      return [
        { on: 'topic', pattern: 'literal', name: topic, rights },
        { on: 'topic', pattern: 'prefix', name: `${topic}.g`, rights },
      ] as const;
    }),
  ];
}
