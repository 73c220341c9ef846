// Prints what Apache Kafka's LogValidator says of damaged record batches, one
// line per case: "compacted appendTime before after now hex code maxTimestamp
// errors". The cases are the same at every run.
// Run it with Kafka's jars: java -cp 'libs/*' BatchVerdicts.java

import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Random;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MemoryRecordsBuilder;
import org.apache.kafka.common.record.internal.MutableRecordBatch;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.apache.kafka.common.utils.BufferSupplier;
import org.apache.kafka.common.utils.Crc32C;
import org.apache.kafka.common.utils.PrimitiveRef;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.storage.internals.log.AppendOrigin;
import org.apache.kafka.storage.internals.log.LogValidator;
import org.apache.kafka.storage.internals.log.RecordValidationException;

public class BatchVerdicts {
    static final long T = 1700000000000L;

    public static void main(String[] args) {
        Random rnd = new Random(431);
        Compression[] codecs = {Compression.NONE, Compression.gzip().build(), Compression.snappy().build(), Compression.lz4().build(), Compression.zstd().build()};
        for (int i = 0; i < 1000; i++) {
            Compression c = codecs[i % 2 == 0 ? 0 : rnd.nextInt(5)];
            byte[] b = batch(rnd, c);
            int damage = rnd.nextInt(4);
            for (int k = 0; k < damage; k++) {
                // The codec's bits stay, and compressed data: the outcome would be the library's.
                int at = c.type() == CompressionType.NONE && rnd.nextInt(3) > 0 ? 61 + rnd.nextInt(b.length - 61) : 22 + rnd.nextInt(39);
                int old = b[at];
                b[at] = (byte) (rnd.nextBoolean() ? old ^ 1 << rnd.nextInt(8) : rnd.nextInt(256));
                if (at == 22) b[at] = (byte) (b[at] & ~7 | old & 7);
            }
            ByteBuffer buf = ByteBuffer.wrap(b);
            buf.putInt(17, (int) Crc32C.compute(buf, 21, b.length - 21));
            judge(rnd, b);
        }
    }

    static byte[] batch(Random rnd, Compression c) {
        boolean pid = rnd.nextInt(4) == 0;
        MemoryRecordsBuilder b = MemoryRecords.builder(ByteBuffer.allocate(4096), RecordBatch.MAGIC_VALUE_V2, c, TimestampType.CREATE_TIME, 0L, -1,
            pid ? 9 : -1, (short) (pid ? 1 : -1), pid ? 4 : -1, pid && rnd.nextBoolean(), -1);
        int n = 1 + rnd.nextInt(4);
        for (int i = 0; i < n; i++) {
            byte[] key = rnd.nextInt(5) == 0 ? null : new byte[rnd.nextInt(4)];
            byte[] value = rnd.nextInt(5) == 0 ? null : new byte[rnd.nextInt(8)];
            Header[] h = rnd.nextInt(3) == 0 ? new Header[] {new RecordHeader("h", rnd.nextBoolean() ? null : new byte[1])} : new Header[0];
            b.append(new SimpleRecord(rnd.nextInt(9) == 0 ? -1 : T - rnd.nextInt(5000), key, value, h));
        }
        ByteBuffer out = b.build().buffer();
        return Arrays.copyOfRange(out.array(), out.position(), out.limit());
    }

    static void judge(Random rnd, byte[] b) {
        boolean compacted = rnd.nextInt(3) == 0;
        TimestampType type = rnd.nextInt(3) == 0 ? TimestampType.LOG_APPEND_TIME : TimestampType.CREATE_TIME;
        long before = rnd.nextBoolean() ? Long.MAX_VALUE : 6000, after = 3600000, now = T + rnd.nextInt(3000);
        String in = compacted + " " + (type == TimestampType.LOG_APPEND_TIME) + " " + before + " " + after + " " + now + " " + HexFormat.of().formatHex(b);
        MemoryRecords records = MemoryRecords.readableRecords(ByteBuffer.wrap(b.clone()));
        long code = 0, max = -1, errors = 0;
        try {
            MutableRecordBatch batch = records.batches().iterator().next();
            CompressionType source = batch.compressionType();
            max = new LogValidator(records, new TopicPartition("t", 0), at(now), source, Compression.of(source).build(), compacted,
                RecordBatch.MAGIC_VALUE_V2, type, before, after, 7, AppendOrigin.CLIENT)
                .validateMessagesAndAssignOffsets(PrimitiveRef.ofLong(0), new NoMetrics(), BufferSupplier.NO_CACHING).maxTimestampMs();
        } catch (RecordValidationException e) {
            code = Errors.forException(e.invalidException()).code();
            errors = e.recordErrors().size();
        } catch (Throwable e) {
            code = Errors.forException(e).code();
        }
        System.out.println(in + " " + code + " " + max + " " + errors);
    }

    static Time at(long now) {
        return (Time) Proxy.newProxyInstance(Time.class.getClassLoader(), new Class<?>[] {Time.class},
            (proxy, method, args) -> method.getName().equals("milliseconds") ? now : 0L);
    }

    static class NoMetrics implements LogValidator.MetricsRecorder {
        public void recordInvalidMagic() {}
        public void recordInvalidOffset() {}
        public void recordInvalidSequence() {}
        public void recordInvalidChecksums() {}
        public void recordNoKeyCompactedTopic() {}
    }
}
