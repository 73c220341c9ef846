// Prints what Apache Kafka writes for groups of the classic protocol: one line
// per record, "record case version key value" in hex ("-" for a tombstone), and
// one per group id, "partition id count partition".
// Run it with Kafka's jars: java -cp 'libs/*' GroupRecords.java

import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.utils.Utils;
import org.apache.kafka.coordinator.common.runtime.CoordinatorRecord;
import org.apache.kafka.coordinator.group.GroupCoordinatorRecordSerde;
import org.apache.kafka.coordinator.group.generated.GroupMetadataKey;
import org.apache.kafka.coordinator.group.generated.GroupMetadataValue;
import org.apache.kafka.coordinator.group.generated.LegacyOffsetCommitKey;
import org.apache.kafka.coordinator.group.generated.LegacyOffsetCommitValue;
import org.apache.kafka.coordinator.group.generated.OffsetCommitKey;
import org.apache.kafka.coordinator.group.generated.OffsetCommitValue;
import org.apache.kafka.server.common.ApiMessageAndVersion;

public class GroupRecords {
    static final GroupCoordinatorRecordSerde SERDE = new GroupCoordinatorRecordSerde();
    static final Uuid TOPIC = new Uuid(0x0102030405060708L, 0x1112131415161718L);

    public static void main(String[] args) {
        for (short v = 0; v <= 4; v++) {
            offset("plain", v, new OffsetCommitValue().setOffset(123456789012L).setMetadata("").setCommitTimestamp(1700000000000L));
            OffsetCommitValue full = new OffsetCommitValue().setOffset(7).setMetadata("métadonnées").setCommitTimestamp(1700000000001L);
            if (v == 1) full.setExpireTimestamp(1700000600000L);
            if (v >= 3) full.setLeaderEpoch(5);
            if (v >= 4) full.setTopicId(TOPIC);
            offset("full", v, full);
        }
        offset("tombstone", (short) 0, null);
        print("legacy", (short) 0, new LegacyOffsetCommitKey().setGroup("g").setTopic("t").setPartition(3),
            new LegacyOffsetCommitValue().setOffset(9).setMetadata("m").setCommitTimestamp(1700000000000L));
        for (short v = 0; v <= 4; v++) {
            group("empty", v, new GroupMetadataValue().setProtocolType("").setGeneration(0).setProtocol(null).setLeader(null)
                .setCurrentStateTimestamp(v >= 2 ? 1700000000000L : -1).setMembers(List.of()));
            group("stable", v, new GroupMetadataValue().setProtocolType("consumer").setGeneration(4).setProtocol("range").setLeader("m-1")
                .setCurrentStateTimestamp(v >= 2 ? 1700000000000L : -1).setMembers(List.of(member("m-1", null, v), member("m-2", v >= 3 ? "instance" : null, v))));
        }
        group("tombstone", (short) 0, null);
        for (String id : List.of("", "g", "console-consumer-12345", "groupe-é", "グループ", "𝒳-astral", "a much longer name of a consumer group, to overflow 32 bits")) {
            for (int n : new int[] {1, 3, 50}) {
                System.out.println("partition " + HexFormat.of().formatHex(id.getBytes(StandardCharsets.UTF_8)) + " " + n + " " + Utils.abs(id.hashCode()) % n);
            }
        }
    }

    static GroupMetadataValue.MemberMetadata member(String id, String instance, short v) {
        GroupMetadataValue.MemberMetadata m = new GroupMetadataValue.MemberMetadata().setMemberId(id).setGroupInstanceId(instance)
            .setClientId("client").setClientHost("/127.0.0.1").setSessionTimeout(45000)
            .setSubscription(new byte[] {0, 1, 0, 0, 0, 1, 0, 1, 't'}).setAssignment(new byte[] {9, 8, 7});
        return v >= 1 ? m.setRebalanceTimeout(300000) : m;
    }

    static void offset(String name, short version, OffsetCommitValue value) {
        print("offset-" + name, version, new OffsetCommitKey().setGroup("group").setTopic("topic").setPartition(12), value);
    }

    static void group(String name, short version, GroupMetadataValue value) {
        print("group-" + name, version, new GroupMetadataKey().setGroup("group"), value);
    }

    static void print(String name, short version, org.apache.kafka.common.protocol.ApiMessage key, ApiMessage value) {
        CoordinatorRecord r = value == null ? CoordinatorRecord.tombstone(key) : CoordinatorRecord.record(key, new ApiMessageAndVersion(value, version));
        byte[] v = SERDE.serializeValue(r);
        System.out.println("record " + name + " " + version + " " + HexFormat.of().formatHex(SERDE.serializeKey(r)) + " " + (v == null ? "-" : HexFormat.of().formatHex(v)));
    }
}
