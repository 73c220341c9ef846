// Prints what Apache Kafka writes for groups of the consumer protocol: one line
// per record, "record case key value" in hex ("-" for a tombstone), and one per
// hash of topics, "topic-hash name id partitions racks hash" (racks of each
// partition by commas, partitions by semicolons) and "group-hash hash".
// Run it with Kafka's jars: java -cp 'libs/*' ConsumerGroupRecords.java

import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.coordinator.common.runtime.CoordinatorMetadataDelta;
import org.apache.kafka.coordinator.common.runtime.CoordinatorMetadataImage;
import org.apache.kafka.coordinator.common.runtime.CoordinatorRecord;
import org.apache.kafka.coordinator.group.GroupCoordinatorRecordSerde;
import org.apache.kafka.coordinator.group.Utils;
import org.apache.kafka.coordinator.group.generated.*;
import org.apache.kafka.server.common.ApiMessageAndVersion;

public class ConsumerGroupRecords {
    static final GroupCoordinatorRecordSerde SERDE = new GroupCoordinatorRecordSerde();
    static final Uuid TOPIC = new Uuid(0x0102030405060708L, 0x1112131415161718L);
    static final Uuid OTHER = new Uuid(0x2122232425262728L, 0x8182838485868788L);

    public static void main(String[] args) {
        var group = new ConsumerGroupMetadataKey().setGroupId("group");
        print("epoch", group, new ConsumerGroupMetadataValue().setEpoch(7).setMetadataHash(-123456789012345678L));
        print("epoch-no-hash", group, new ConsumerGroupMetadataValue().setEpoch(1));
        print("epoch-tombstone", group, null);

        var partition = new ConsumerGroupPartitionMetadataKey().setGroupId("group");
        print("partition-metadata", partition, new ConsumerGroupPartitionMetadataValue().setTopics(List.of(
            new ConsumerGroupPartitionMetadataValue.TopicMetadata().setTopicId(TOPIC).setTopicName("topic").setNumPartitions(3))));
        print("partition-metadata-tombstone", partition, null);

        var member = new ConsumerGroupMemberMetadataKey().setGroupId("group").setMemberId("m-1");
        print("member", member, new ConsumerGroupMemberMetadataValue().setInstanceId("instance").setRackId("räck").setClientId("client")
            .setClientHost("/127.0.0.1").setSubscribedTopicNames(List.of("a", "topic")).setSubscribedTopicRegex("t.*")
            .setRebalanceTimeoutMs(300000).setServerAssignor("range"));
        print("member-plain", member, new ConsumerGroupMemberMetadataValue().setInstanceId(null).setRackId(null).setClientId("client")
            .setClientHost("/127.0.0.1").setSubscribedTopicNames(List.of()).setSubscribedTopicRegex("").setServerAssignor(null));
        print("member-classic", member, new ConsumerGroupMemberMetadataValue().setInstanceId(null).setRackId(null).setClientId("client")
            .setClientHost("/127.0.0.1").setSubscribedTopicNames(List.of("topic")).setSubscribedTopicRegex("").setRebalanceTimeoutMs(60000)
            .setServerAssignor(null).setClassicMemberMetadata(new ConsumerGroupMemberMetadataValue.ClassicMemberMetadata()
                .setSessionTimeoutMs(45000).setSupportedProtocols(List.of(
                    new ConsumerGroupMemberMetadataValue.ClassicProtocol().setName("range").setMetadata(new byte[] {0, 1, 2}),
                    new ConsumerGroupMemberMetadataValue.ClassicProtocol().setName("sticky").setMetadata(new byte[] {})))));
        print("member-tombstone", member, null);

        var target = new ConsumerGroupTargetAssignmentMetadataKey().setGroupId("group");
        print("target", target, new ConsumerGroupTargetAssignmentMetadataValue().setAssignmentEpoch(6).setAssignmentTimestamp(1700000000000L));
        print("target-no-time", target, new ConsumerGroupTargetAssignmentMetadataValue().setAssignmentEpoch(1));
        print("target-tombstone", target, null);

        var targetMember = new ConsumerGroupTargetAssignmentMemberKey().setGroupId("group").setMemberId("m-1");
        print("target-member", targetMember, new ConsumerGroupTargetAssignmentMemberValue().setTopicPartitions(List.of(
            new ConsumerGroupTargetAssignmentMemberValue.TopicPartition().setTopicId(TOPIC).setPartitions(List.of(0, 1, 300)),
            new ConsumerGroupTargetAssignmentMemberValue.TopicPartition().setTopicId(OTHER).setPartitions(List.of(5)))));
        print("target-member-empty", targetMember, new ConsumerGroupTargetAssignmentMemberValue().setTopicPartitions(List.of()));
        print("target-member-tombstone", targetMember, null);

        var current = new ConsumerGroupCurrentMemberAssignmentKey().setGroupId("group").setMemberId("m-1");
        print("current", current, new ConsumerGroupCurrentMemberAssignmentValue().setMemberEpoch(7).setPreviousMemberEpoch(5).setState((byte) 1)
            .setAssignedPartitions(List.of(partitions(TOPIC, List.of(0, 1), List.of(3, 7)), partitions(OTHER, List.of(4), List.of(2))))
            .setPartitionsPendingRevocation(List.of(partitions(TOPIC, List.of(2), List.of(3)))));
        print("current-old", current, new ConsumerGroupCurrentMemberAssignmentValue().setMemberEpoch(7).setPreviousMemberEpoch(5).setState((byte) 0)
            .setAssignedPartitions(List.of(partitions(TOPIC, List.of(0, 1), null))).setPartitionsPendingRevocation(List.of()));
        print("current-tombstone", current, null);

        var regex = new ConsumerGroupRegularExpressionKey().setGroupId("group").setRegularExpression("t.*");
        print("regex", regex, new ConsumerGroupRegularExpressionValue().setTopics(List.of("t1", "t2")).setVersion(123).setTimestamp(1700000000000L));
        print("regex-tombstone", regex, null);

        var hashes = new TreeMap<String, Long>();
        hash(hashes, "topic", TOPIC, List.of(List.of(), List.of(), List.of()));
        hash(hashes, "empty", OTHER, List.of());
        hash(hashes, "racks", TOPIC, List.of(List.of("b", "a"), List.of("räck-𝒳", "a", "c")));
        var many = new ArrayList<List<String>>();
        for (int i = 0; i < 100; i++) many.add(List.of("rack-" + i % 3, "rack-" + (i + 1) % 3));
        hash(hashes, "many-𝒳", OTHER, many);
        System.out.println("group-hash " + Utils.computeGroupHash(hashes));
        System.out.println("group-hash-empty " + Utils.computeGroupHash(Map.of()));
    }

    static ConsumerGroupCurrentMemberAssignmentValue.TopicPartitions partitions(Uuid topic, List<Integer> partitions, List<Integer> epochs) {
        return new ConsumerGroupCurrentMemberAssignmentValue.TopicPartitions().setTopicId(topic).setPartitions(partitions).setAssignmentEpochs(epochs);
    }

    static void hash(Map<String, Long> hashes, String name, Uuid id, List<List<String>> racks) {
        long h = Utils.computeTopicHash(name, new Image(name, id, racks));
        hashes.put(name, h);
        var texts = new ArrayList<String>();
        for (var r : racks) texts.add(String.join(",", r));
        System.out.println("topic-hash " + name + " " + hex(id) + " " + racks.size() + " " + (racks.isEmpty() ? "-" : String.join(";", texts) + "!") + " " + h);
    }

    static String hex(Uuid id) {
        return String.format("%016x%016x", id.getMostSignificantBits(), id.getLeastSignificantBits());
    }

    static void print(String name, ApiMessage key, ApiMessage value) {
        CoordinatorRecord r = value == null ? CoordinatorRecord.tombstone(key) : CoordinatorRecord.record(key, new ApiMessageAndVersion(value, (short) 0));
        byte[] v = SERDE.serializeValue(r);
        System.out.println("record " + name + " " + HexFormat.of().formatHex(SERDE.serializeKey(r)) + " " + (v == null ? "-" : HexFormat.of().formatHex(v)));
    }

    record Image(String name, Uuid id, List<List<String>> racks) implements CoordinatorMetadataImage, CoordinatorMetadataImage.TopicMetadata {
        public Set<Uuid> topicIds() { return Set.of(id); }
        public Set<String> topicNames() { return Set.of(name); }
        public Optional<CoordinatorMetadataImage.TopicMetadata> topicMetadata(String n) { return Optional.of(this); }
        public Optional<CoordinatorMetadataImage.TopicMetadata> topicMetadata(Uuid i) { return Optional.of(this); }
        public CoordinatorMetadataDelta emptyDelta() { return null; }
        public long version() { return 1; }
        public boolean isEmpty() { return false; }
        public int partitionCount() { return racks.size(); }
        public List<String> partitionRacks(int p) { return new ArrayList<>(racks.get(p)); }
    }
}
