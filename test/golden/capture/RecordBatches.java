// Prints record batches as Apache Kafka's producer and broker write them. For
// each batch "batch name hex" and "payload length crc32c" of its records after
// decompression; then, of the small ones, for each record
// "record offset timestamp key value header=value…" in hex, "-" for null.
// Run it with Kafka's jars: java -cp 'libs/*' RecordBatches.java

import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.zip.CRC32C;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.ControlRecordType;
import org.apache.kafka.common.record.internal.DefaultRecordBatch;
import org.apache.kafka.common.record.internal.EndTransactionMarker;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MemoryRecordsBuilder;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.apache.kafka.common.utils.BufferSupplier;

public class RecordBatches {
    static final long T = 1700000000000L;

    public static void main(String[] args) throws Exception {
        codec("none", Compression.NONE);
        codec("gzip", Compression.gzip().build());
        codec("gzip-9", Compression.gzip().level(9).build());
        codec("snappy", Compression.snappy().build());
        codec("lz4", Compression.lz4().build());
        codec("lz4-17", Compression.lz4().level(17).build());
        codec("zstd", Compression.zstd().build());
        codec("zstd-22", Compression.zstd().level(22).build());
        MemoryRecordsBuilder b = builder(Compression.NONE, TimestampType.LOG_APPEND_TIME, -1, (short) -1, -1, false);
        small(b);
        print("append-time", b.build(), true);
        b = builder(Compression.NONE, TimestampType.CREATE_TIME, 4000, (short) 3, 77, true);
        small(b);
        print("transactional", b.build(), true);
        for (ControlRecordType type : new ControlRecordType[] {ControlRecordType.COMMIT, ControlRecordType.ABORT}) {
            print("marker-" + type.name().toLowerCase(), MemoryRecords.withEndTransactionMarker(0, T, -1, 4000, (short) 3,
                new EndTransactionMarker(type, 12)), true);
        }
    }

    static void codec(String name, Compression c) throws Exception {
        MemoryRecordsBuilder b = builder(c, TimestampType.CREATE_TIME, -1, (short) -1, -1, false);
        small(b);
        print(name, b.build(), true);
        if (c.type().id == 0) return;
        b = builder(c, TimestampType.CREATE_TIME, -1, (short) -1, -1, false);
        StringBuilder word = new StringBuilder("The quick brown fox jumps over the lazy dog. ");
        for (int i = 0; i < 1500; i++) { // more than two blocks of every codec
            b.append(new SimpleRecord(T + i, ("key" + i).getBytes(), (word.toString() + i % 17 + word).getBytes()));
        }
        print(name + "-large", b.build(), false);
    }

    static MemoryRecordsBuilder builder(Compression c, TimestampType type, long pid, short epoch, int seq, boolean txn) {
        return MemoryRecords.builder(ByteBuffer.allocate(1 << 16), RecordBatch.MAGIC_VALUE_V2, c, type, 0L, T + 500, pid, epoch, seq, txn, -1);
    }

    static void small(MemoryRecordsBuilder b) {
        b.append(new SimpleRecord(T, "key".getBytes(), "value".getBytes()));
        b.append(new SimpleRecord(T + 100, (byte[]) null, "value".getBytes()));
        b.append(new SimpleRecord(T - 70000, "tombstone".getBytes(), null));
        b.append(new SimpleRecord(T + 3, new byte[0], new byte[0], new Header[] {
            new RecordHeader("h", "1".getBytes()), new RecordHeader("h", null), new RecordHeader("größe", new byte[] {0, -1})}));
        b.append(new SimpleRecord(T + 4, "key".getBytes(), "x".repeat(300).getBytes()));
    }

    static void print(String name, MemoryRecords records, boolean each) throws Exception {
        ByteBuffer buf = records.buffer();
        byte[] bytes = new byte[buf.remaining()];
        buf.duplicate().get(bytes);
        System.out.println("batch " + name + " " + HexFormat.of().formatHex(bytes));
        DefaultRecordBatch batch = (DefaultRecordBatch) records.firstBatch();
        CRC32C crc = new CRC32C();
        int length = 0;
        try (InputStream in = batch.recordInputStream(BufferSupplier.NO_CACHING)) {
            byte[] chunk = new byte[8192];
            for (int n; (n = in.read(chunk)) > 0; length += n) crc.update(chunk, 0, n);
        }
        System.out.println("payload " + length + " " + String.format("%08x", crc.getValue()));
        if (!each) return;
        for (Record r : batch) {
            StringBuilder line = new StringBuilder("record " + r.offset() + " " + r.timestamp() + " " + hex(r.key()) + " " + hex(r.value()));
            for (Header h : r.headers()) {
                line.append(" ").append(HexFormat.of().formatHex(h.key().getBytes(StandardCharsets.UTF_8))).append("=")
                    .append(h.value() == null ? "-" : HexFormat.of().formatHex(h.value()));
            }
            System.out.println(line);
        }
    }

    static String hex(ByteBuffer b) {
        if (b == null) return "-";
        byte[] bytes = new byte[b.remaining()];
        b.duplicate().get(bytes);
        return "x" + HexFormat.of().formatHex(bytes);
    }
}
