// Prints what Apache Kafka writes for transactional ids: one line per record,
// "record case version key value" in hex ("-" for a tombstone), and one per
// transactional id, "partition id count partition".
// Run it with Kafka's jars: java -cp 'libs/*' TxnRecords.java

import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.protocol.MessageUtil;
import org.apache.kafka.common.utils.Utils;
import org.apache.kafka.coordinator.transaction.TransactionLog;
import org.apache.kafka.coordinator.transaction.TransactionState;
import org.apache.kafka.coordinator.transaction.TxnTransitMetadata;
import org.apache.kafka.coordinator.transaction.generated.TransactionLogValue;
import org.apache.kafka.server.common.TransactionVersion;

public class TxnRecords {
    static final long NOW = 1700000000000L;

    public static void main(String[] args) {
        for (TransactionVersion tv : List.of(TransactionVersion.TV_0, TransactionVersion.TV_1, TransactionVersion.TV_2)) {
            TransactionVersion client = tv.supportsEpochBump() ? TransactionVersion.TV_2 : TransactionVersion.TV_0;
            write("empty", tv, txn(1000, 1000, -1, 0, TransactionState.EMPTY, client, -1));
            write("ongoing", tv, txn(1000, 1000, -1, 3, TransactionState.ONGOING, client, NOW, "t-0"));
            write("ongoing-topic", tv, txn(1000, 1000, -1, 3, TransactionState.ONGOING, client, NOW, "métadonnées-12", "métadonnées-3"));
            write("prepare-commit", tv, txn(1000, 1000, -1, 4, TransactionState.PREPARE_COMMIT, client, NOW, "t-0"));
            write("prepare-abort", tv, txn(1000, 1000, -1, 4, TransactionState.PREPARE_ABORT, client, NOW));
            write("prepare-overflow", tv, txn(1000, 1000, 2000, Short.MAX_VALUE, TransactionState.PREPARE_COMMIT, client, NOW, "t-0"));
            write("complete-commit", tv, txn(1000, 1000, -1, 4, TransactionState.COMPLETE_COMMIT, client, NOW));
            write("complete-abort", tv, txn(2000, 1000, -1, 0, TransactionState.COMPLETE_ABORT, client, NOW));
        }
        // What a coordinator of Kafka 4.3.1 reads and does not write.
        value("all-tags", (short) 1, new TransactionLogValue().setProducerId(1).setPreviousProducerId(2).setNextProducerId(3).setProducerEpoch((short) 4)
            .setNextProducerEpoch((short) 5).setTransactionTimeoutMs(6).setTransactionStatus((byte) 1).setTransactionLastUpdateTimestampMs(7)
            .setTransactionStartTimestampMs(8).setClientTransactionVersion((short) 2)
            .setTransactionPartitions(List.of(topic("b", 1, 0), topic("a", 7))));
        System.out.println("record tombstone 0 " + hex(TransactionLog.keyToBytes("txn-é")) + " -");
        for (String id : List.of("", "t", "my-transactional-id", "groupe-é", "トランザクション", "𝒳-astral", "a much longer transactional id of an application, to overflow 32 bits")) {
            for (int n : new int[] {1, 3, 50}) {
                System.out.println("partition " + hex(id.getBytes(StandardCharsets.UTF_8)) + " " + n + " " + Utils.abs(id.hashCode()) % n);
            }
        }
    }

    static TransactionLogValue.PartitionsSchema topic(String name, Integer... partitions) {
        return new TransactionLogValue.PartitionsSchema().setTopic(name).setPartitionIds(List.of(partitions));
    }

    static TxnTransitMetadata txn(long id, long previous, long next, int epoch, TransactionState state, TransactionVersion client, long start, String... partitions) {
        HashSet<TopicPartition> set = new HashSet<>();
        for (String p : partitions) {
            int dash = p.lastIndexOf('-');
            set.add(new TopicPartition(p.substring(0, dash), Integer.parseInt(p.substring(dash + 1))));
        }
        return new TxnTransitMetadata(id, previous, next, (short) epoch, (short) (epoch - 1), 60000, state, set, start, NOW + 1, client);
    }

    static void write(String name, TransactionVersion tv, TxnTransitMetadata m) {
        print(name, tv.featureLevel(), TransactionLog.valueToBytes(m, tv));
    }

    static void value(String name, short version, TransactionLogValue v) {
        print(name, version, MessageUtil.toVersionPrefixedBytes(version, v));
    }

    static void print(String name, short version, byte[] value) {
        System.out.println("record " + name + " " + version + " " + hex(TransactionLog.keyToBytes("txn-é")) + " " + hex(value));
    }

    static String hex(byte[] b) {
        return HexFormat.of().formatHex(b);
    }
}
