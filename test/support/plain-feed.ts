/** What a feed has where its config says no more than which table it is: for tests that are about something else. */
export const PLAIN_FEED = {
  key: [],
  envelope: 'change',
  adopt: false,
  onGap: 'park',
  onRecreate: 'park',
  onSchemaChange: 'evolve',
  onBadRecord: 'park',
} as const;
