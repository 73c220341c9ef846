"""kafka-python. See adapter.py."""
import sys

from kafka import KafkaConsumer, KafkaProducer
from kafka.errors import CommitFailedError, RebalanceInProgressError

import adapter


def produce(bootstrap, topic, codec):
    p = KafkaProducer(bootstrap_servers=bootstrap, compression_type=None if codec == 'none' else codec, acks='all', linger_ms=20)
    sent = [p.send(topic, value=value, key=key, headers=headers, partition=partition, timestamp_ms=timestamp)
            for partition, timestamp, key, value, headers in adapter.records()]
    p.flush(60)
    for f in sent:
        f.get(60)
    p.close()


def consume(bootstrap, topic, group):
    stop = adapter.Stop()
    c = KafkaConsumer(topic, bootstrap_servers=bootstrap, group_id=group, auto_offset_reset='earliest', enable_auto_commit=False,
                      session_timeout_ms=6000, heartbeat_interval_ms=500)
    while not stop:
        got = c.poll(timeout_ms=200)
        for batch in got.values():
            for r in batch:
                adapter.show(r.partition, r.offset, r.timestamp, r.key, r.value, r.headers)
        if got:
            sys.stdout.flush()
            try:
                c.commit()
            except (CommitFailedError, RebalanceInProgressError) as e:  # the next owner reads these again
                print('commit:', e, file=sys.stderr)
    c.close(autocommit=False)


adapter.main(produce, consume)
