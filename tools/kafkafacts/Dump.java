// Prints what Apache Kafka says of its own configuration keys; internal/config/testdata/kafka-4.3.1.tsv was made from it.
// Run by hand: java -cp "$KAFKA_LIBS/*" tools/kafkafacts/Dump.java
import java.util.*;
import java.lang.reflect.*;
import org.apache.kafka.common.config.*;
public class Dump {
  static String esc(String s){ if(s==null) return "null"; return s.replace("\\","\\\\").replace("\t","\\t").replace("\n","\\n"); }
  static String vclass(Object v) throws Exception { if (v==null) return "-"; String n=v.getClass().getName().replaceAll(".*[.$]","");
    if (v instanceof ConfigDef.ValidList) { Field a=v.getClass().getDeclaredField("isEmptyAllowed"), b=v.getClass().getDeclaredField("isNullAllowed"); a.setAccessible(true); b.setAccessible(true); n+="("+a.get(v)+","+b.get(v)+")"; }
    return n; }
  static void def(String scope, ConfigDef d, Map<String,String> modes) throws Exception {
    for (String n : new TreeSet<>(d.names())) {
      ConfigDef.ConfigKey k = d.configKeys().get(n);
      String dv;
      if (k.defaultValue == ConfigDef.NO_DEFAULT_VALUE) dv="<none>";
      else if (k.defaultValue==null) dv="<null>";
      else dv = "="+ConfigDef.convertToString(k.defaultValue,k.type);
      System.out.println(String.join("\t", scope, n, k.type.name(), esc(dv), esc(k.validator==null?"":k.validator.toString()), k.importance.name(), k.internalConfig?"internal":"public", vclass(k.validator), modes==null?"-":modes.getOrDefault(n,"read-only")));
    }
  }
  public static void main(String[] a) throws Exception {
    Map<String,String> modes = org.apache.kafka.server.config.DynamicBrokerConfig.dynamicConfigUpdateModes();
    def("broker", org.apache.kafka.server.config.AbstractKafkaConfig.CONFIG_DEF, modes);
    def("topic", org.apache.kafka.storage.internals.log.LogConfig.configDefCopy(), null);
    def("group", org.apache.kafka.coordinator.group.GroupConfig.CONFIG_DEF, null);
    def("client-metrics", org.apache.kafka.server.metrics.ClientMetricsConfigs.configDef(), null);
    def("quota-user", org.apache.kafka.server.config.QuotaConfig.userAndClientQuotaConfigs(), null);
    def("quota-ip", org.apache.kafka.server.config.QuotaConfig.ipConfigs(), null);
    def("quota-scram", org.apache.kafka.server.config.QuotaConfig.scramMechanismsPlusUserAndClientQuotaConfigs(), null);
    for (String n : new TreeSet<>(modes.keySet())) System.out.println("dynamic\t"+n+"\t"+modes.get(n));
    new TreeMap<>(org.apache.kafka.server.config.ServerTopicConfigSynonyms.ALL_TOPIC_CONFIG_SYNONYMS).forEach((k,v)->{
      for (var s: v) System.out.println("topicsyn\t"+k+"\t"+s.name()+"\t"+s.converter().apply("1"));
    });
    new TreeMap<>(org.apache.kafka.coordinator.group.GroupConfig.ALL_GROUP_CONFIG_SYNONYMS).forEach((k,v)-> System.out.println("groupsyn\t"+k+"\t"+v.orElse("")));
  }
}
