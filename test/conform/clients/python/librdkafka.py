"""confluent-kafka, which is librdkafka. See adapter.py."""
import sys

from confluent_kafka import Consumer, KafkaException, Producer

import adapter


def produce(bootstrap, topic, codec):
    p = Producer({'bootstrap.servers': bootstrap, 'compression.type': codec, 'enable.idempotence': True, 'linger.ms': 20})
    failed = []

    def done(err, _):
        if err is not None:
            failed.append(err)

    for partition, timestamp, key, value, headers in adapter.records():
        while True:
            try:
                p.produce(topic, value=value, key=key, partition=partition, timestamp=timestamp, headers=headers, on_delivery=done)
                break
            except BufferError:
                p.poll(0.1)
        p.poll(0)
    left = p.flush(60)
    if failed or left:
        sys.exit(f'{len(failed)} failed ({failed[:1]}), {left} not acknowledged')


def consume(bootstrap, topic, group):
    stop = adapter.Stop()
    c = Consumer({'bootstrap.servers': bootstrap, 'group.id': group, 'auto.offset.reset': 'earliest', 'enable.auto.commit': False,
                  'session.timeout.ms': 6000, 'heartbeat.interval.ms': 500})
    c.subscribe([topic])
    while not stop:
        messages = c.consume(500, 0.2)
        for m in messages:
            if m.error():
                raise KafkaException(m.error())
            adapter.show(m.partition(), m.offset(), m.timestamp()[1], m.key(), m.value(), m.headers())
        if messages:
            sys.stdout.flush()
            try:
                c.commit(asynchronous=False)
            except KafkaException as e:  # a rebalance took the partitions away: the next owner reads these again
                print('commit:', e, file=sys.stderr)
    c.close()


adapter.main(produce, consume)
