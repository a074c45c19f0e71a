"""A consumer as any team would write it, with Confluent's own client and deserializer: prints each record of a topic as a JSON line, and ends at the given count.

Arguments: brokers, topic, the registry's address, the number of records.
"""

import json
import sys
import time
import uuid

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

brokers, topic, registry, count = sys.argv[1:]
deserialize = AvroDeserializer(SchemaRegistryClient({"url": registry}))
consumer = Consumer(
    {
        "bootstrap.servers": brokers,
        "group.id": str(uuid.uuid4()),
        "isolation.level": "read_committed",
        "enable.auto.commit": False,
    }
)
partitions = consumer.list_topics(topic, timeout=30).topics[topic].partitions
consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])
until = time.monotonic() + 50
left = int(count)
while left > 0 and time.monotonic() < until:
    message = consumer.poll(1)
    if message is None:
        continue
    if message.error():
        sys.exit(str(message.error()))
    key = deserialize(message.key(), SerializationContext(topic, MessageField.KEY, message.headers()))
    value = deserialize(message.value(), SerializationContext(topic, MessageField.VALUE, message.headers()))
    print(json.dumps({"key": key, "value": value}, default=str), flush=True)
    left -= 1
consumer.close()
if left > 0:
    sys.exit(f"{left} records are missing")
