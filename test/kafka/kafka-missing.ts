/** No Kafka can be had on this machine. The message is one sentence for a person; the demo exits with 3 on it, tests skip with it. */
export class KafkaMissing extends Error {
  override readonly name = 'KafkaMissing';
}
