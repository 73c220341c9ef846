// Prints what Apache Kafka's PartitionChangeBuilder decides for random partitions
// and wishes, one case per line: "input JSON<tab>record JSON, or none".
// Run it with Kafka's jars: java -cp 'libs/*' PartitionChanges.java 700

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import org.apache.kafka.common.DirectoryId;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.metadata.PartitionChangeRecord;
import org.apache.kafka.common.metadata.PartitionChangeRecordJsonConverter;
import org.apache.kafka.controller.PartitionChangeBuilder;
import org.apache.kafka.metadata.LeaderRecoveryState;
import org.apache.kafka.metadata.PartitionRegistration;
import org.apache.kafka.server.common.ApiMessageAndVersion;
import org.apache.kafka.server.common.MetadataVersion;

public class PartitionChanges {
    static final Random random = new Random(20260101);

    public static void main(String[] args) {
        for (int i = 0; i < Integer.parseInt(args[0]); i++) one();
    }

    static List<Integer> some(List<Integer> from, int atMost) {
        List<Integer> list = new ArrayList<>(from);
        Collections.shuffle(list, random);
        return new ArrayList<>(list.subList(0, random.nextInt(Math.min(atMost, list.size()) + 1)));
    }

    static int[] ints(List<Integer> list) {
        return list.stream().mapToInt(Integer::intValue).toArray();
    }

    static void one() {
        List<Integer> brokers = List.of(0, 1, 2, 3, 4);
        boolean elr = random.nextInt(3) > 0;
        List<Integer> replicas = some(brokers, 4);
        if (replicas.isEmpty()) replicas.add(random.nextInt(5));
        List<Integer> isr = some(replicas, 4);
        if (isr.isEmpty() && !elr) isr.add(replicas.get(0));
        List<Integer> rest = new ArrayList<>(replicas);
        rest.removeAll(isr);
        List<Integer> eligible = elr ? some(rest, 2) : List.of();
        List<Integer> last = elr && isr.isEmpty() && random.nextBoolean() ? List.of(replicas.get(random.nextInt(replicas.size()))) : List.of();
        List<Integer> adding = List.of(), removing = List.of();
        if (replicas.size() > 2 && random.nextInt(3) == 0) {
            adding = List.of(replicas.get(0));
            if (random.nextBoolean()) removing = List.of(replicas.get(replicas.size() - 1));
        }
        int leader = isr.isEmpty() || random.nextInt(5) == 0 ? -1 : isr.get(random.nextInt(isr.size()));
        byte recovery = (byte) (random.nextInt(4) == 0 ? 1 : 0);
        Uuid[] dirs = new Uuid[replicas.size()];
        for (int i = 0; i < dirs.length; i++) dirs[i] = new Uuid(17, 1000 + replicas.get(i));
        PartitionRegistration partition = new PartitionRegistration.Builder().setReplicas(ints(replicas)).setDirectories(dirs).
            setIsr(ints(isr)).setElr(ints(eligible)).setLastKnownElr(ints(last)).setAddingReplicas(ints(adding)).
            setRemovingReplicas(ints(removing)).setLeader(leader).setLeaderRecoveryState(LeaderRecoveryState.of(recovery)).
            setLeaderEpoch(5).setPartitionEpoch(6).build();
        Set<Integer> live = new TreeSet<>(some(replicas, 4));
        int minIsr = 1 + random.nextInt(replicas.size());
        MetadataVersion version = !elr && random.nextInt(3) == 0 ? MetadataVersion.IBP_3_5_IV2 : MetadataVersion.LATEST_PRODUCTION;
        PartitionChangeBuilder builder = new PartitionChangeBuilder(partition, new Uuid(1, 2), 3, live::contains, version, minIsr, elr).
            setDefaultDirProvider(id -> DirectoryId.MIGRATING);
        PartitionChangeBuilder.Election election = PartitionChangeBuilder.Election.values()[random.nextInt(3)];
        builder.setElection(election);
        List<Integer> targetIsr = null, targetReplicas = null, targetAdding = null, targetRemoving = null;
        int unclean = -1, wantRecovery = -1;
        switch (random.nextInt(5)) {
            case 0 -> targetIsr = some(isr, 4);
            case 1 -> {
                unclean = replicas.get(random.nextInt(replicas.size()));
                targetIsr = new ArrayList<>(isr);
                targetIsr.remove((Integer) unclean);
            }
            case 2 -> {
                targetIsr = some(replicas, 4);
                if (targetIsr.isEmpty()) targetIsr = List.of(replicas.get(0));
                wantRecovery = 0;
            }
            case 3 -> {
                List<Integer> target = some(brokers, 3);
                if (target.isEmpty()) target = List.of(4);
                Set<Integer> gone = new TreeSet<>(replicas), fresh = new TreeSet<>(target);
                gone.removeAll(target);
                fresh.removeAll(replicas);
                targetReplicas = new ArrayList<>(target);
                targetReplicas.addAll(gone);
                targetRemoving = new ArrayList<>(gone);
                targetAdding = new ArrayList<>(fresh);
            }
            default -> { }
        }
        if (targetIsr != null) builder.setTargetIsr(targetIsr);
        if (unclean >= 0) builder.setUncleanShutdownReplicas(List.of(unclean));
        if (wantRecovery >= 0) builder.setTargetLeaderRecoveryState(LeaderRecoveryState.of((byte) wantRecovery));
        if (targetReplicas != null) builder.setTargetReplicas(targetReplicas).setTargetRemoving(targetRemoving).setTargetAdding(targetAdding);
        Optional<ApiMessageAndVersion> record = builder.build();
        System.out.printf("{\"replicas\":%s,\"isr\":%s,\"elr\":%s,\"last\":%s,\"adding\":%s,\"removing\":%s,\"leader\":%d,\"recovery\":%d,"
            + "\"live\":%s,\"minIsr\":%d,\"metadataVersion\":%d,\"elrEnabled\":%b,\"election\":\"%s\",\"targetIsr\":%s,"
            + "\"targetReplicas\":%s,\"targetAdding\":%s,\"targetRemoving\":%s,\"unclean\":%d,\"targetRecovery\":%d}\t%s%n",
            replicas, isr, eligible, last, adding, removing, leader, recovery, live, minIsr, version.featureLevel(), elr, election,
            targetIsr, targetReplicas, targetAdding, targetRemoving, unclean, wantRecovery,
            record.map(r -> PartitionChangeRecordJsonConverter.write((PartitionChangeRecord) r.message(), r.version()).toString()).orElse("none"));
    }
}
