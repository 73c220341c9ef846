// kafkajs. produce BOOTSTRAP TOPIC CODEC: records on standard input, a line of JSON each. consume BOOTSTRAP TOPIC GROUP:
// prints each record, commits what it printed, leaves in order on SIGTERM.
'use strict';
const readline = require('readline');
process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1';
const { Kafka, CompressionTypes, CompressionCodecs, logLevel } = require('kafkajs');
const snappy = require('snappyjs');
const lz4 = require('lz4-napi');
const fzstd = require('fzstd');
const { ZstdCodec } = require('zstd-codec');

// kafkajs has gzip; the others are plugged in. Snappy comes in blocks framed as Java's snappy stream does, or bare.
const MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0]);
function unsnappy(buffer) {
  if (!buffer.subarray(0, 8).equals(MAGIC)) return Buffer.from(snappy.uncompress(buffer));
  const parts = [];
  for (let i = 16; i < buffer.length;) {
    const n = buffer.readInt32BE(i);
    parts.push(Buffer.from(snappy.uncompress(buffer.subarray(i + 4, i + 4 + n))));
    i += 4 + n;
  }
  return Buffer.concat(parts);
}
const zstd = new Promise((done) => ZstdCodec.run((z) => done(new z.Simple())));
CompressionCodecs[CompressionTypes.Snappy] = () => ({ compress: async (e) => Buffer.from(snappy.compress(e.buffer)), decompress: async (b) => unsnappy(b) });
CompressionCodecs[CompressionTypes.LZ4] = () => ({ compress: (e) => lz4.compressFrame(e.buffer), decompress: (b) => lz4.decompressFrame(b) });
CompressionCodecs[CompressionTypes.ZSTD] = () => ({ compress: async (e) => Buffer.from((await zstd).compress(e.buffer)), decompress: async (b) => Buffer.from(fzstd.decompress(b)) });
const codecs = { none: CompressionTypes.None, gzip: CompressionTypes.GZIP, snappy: CompressionTypes.Snappy, lz4: CompressionTypes.LZ4, zstd: CompressionTypes.ZSTD };

const raw = (s) => (s === null ? null : Buffer.from(s));
const text = (b) => (b === null || b === undefined ? null : b.toString());

// Headers are an object here; one that comes twice is an array.
function toHeaders(list) {
  const h = {};
  for (const [k, v] of list || []) h[k] = k in h ? [].concat(h[k], raw(v)) : raw(v);
  return h;
}
function fromHeaders(h) {
  return Object.entries(h || {}).flatMap(([k, v]) => (Array.isArray(v) ? v : [v]).map((x) => [k, text(x)]));
}

async function produce(kafka, topic, codec) {
  const messages = [];
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const r = JSON.parse(line);
    messages.push({ partition: r.p, timestamp: String(r.ts), key: raw(r.k), value: raw(r.v), headers: toHeaders(r.h) });
  }
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  for (let i = 0; i < messages.length; i += 200) {
    await producer.send({ topic, acks: -1, compression: codecs[codec], messages: messages.slice(i, i + 200) });
  }
  await producer.disconnect();
}

async function consume(kafka, topic, groupId) {
  const consumer = kafka.consumer({ groupId, sessionTimeout: 6000, heartbeatInterval: 500, maxWaitTimeInMs: 200 });
  const stop = async () => { await consumer.disconnect(); process.exit(0); };
  process.on('SIGTERM', stop);
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({
    autoCommit: true,
    eachBatchAutoResolve: false,
    eachBatch: async ({ batch, resolveOffset, commitOffsetsIfNecessary, heartbeat, isRunning, isStale }) => {
      if (!isRunning() || isStale()) return;
      const out = batch.messages.map((m) => JSON.stringify({
        p: batch.partition, o: Number(m.offset), ts: Number(m.timestamp), k: text(m.key), v: text(m.value), h: fromHeaders(m.headers),
      }) + '\n').join('');
      await new Promise((done) => process.stdout.write(out, done));
      resolveOffset(batch.lastOffset());
      await commitOffsetsIfNecessary();
      await heartbeat();
    },
  });
}

const [mode, bootstrap, topic, last] = process.argv.slice(2);
const kafka = new Kafka({ clientId: 'kafkajs', brokers: [bootstrap], logLevel: logLevel.WARN, logCreator: () => ({ label, log }) => process.stderr.write(`${label} ${log.message}\n`) });
({ produce, consume })[mode](kafka, topic, last).catch((e) => { console.error(e); process.exit(1); });
