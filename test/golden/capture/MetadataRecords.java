// Prints the bytes that Apache Kafka writes for its metadata and control records:
// one line per record type, version and case, "name version case hex json".
// Run it with Kafka's jars: java -cp 'libs/*' MetadataRecords.java

import java.lang.reflect.Constructor;
import java.lang.reflect.Method;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.KRaftVersionRecord;
import org.apache.kafka.common.message.LeaderChangeMessage;
import org.apache.kafka.common.message.SnapshotFooterRecord;
import org.apache.kafka.common.message.SnapshotHeaderRecord;
import org.apache.kafka.common.message.VotersRecord;
import org.apache.kafka.common.metadata.MetadataJsonConverters;
import org.apache.kafka.common.metadata.MetadataRecordType;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.MessageUtil;
import org.apache.kafka.common.protocol.ObjectSerializationCache;
import org.apache.kafka.common.protocol.types.Field;
import org.apache.kafka.common.protocol.types.Schema;
import org.apache.kafka.common.protocol.types.TaggedFields;
import org.apache.kafka.metadata.MetadataRecordSerde;
import org.apache.kafka.server.common.ApiMessageAndVersion;

public class MetadataRecords {
    static int counter;

    public static void main(String[] args) throws Exception {
        for (MetadataRecordType type : MetadataRecordType.values()) {
            for (short v = type.lowestSupportedVersion(); v <= type.highestSupportedVersion(); v++) {
                print(type, v, "default", type.newMetadataRecord());
                print(type, v, "full", fill(type.newMetadataRecord(), v));
                for (Method m : setters(type.newMetadataRecord(), v)) {
                    if (m.getParameterTypes()[0] != String.class) continue;
                    ApiMessage message = fill(type.newMetadataRecord(), v);
                    m.invoke(message, (Object) null);
                    print(type, v, "null-" + m.getName().substring(3), message);
                }
            }
        }
        for (short v = 0; v <= 1; v++) {
            control("LeaderChange", v, fill(new LeaderChangeMessage().setVersion(v), v));
        }
        control("SnapshotHeader", (short) 0, fill(new SnapshotHeaderRecord(), (short) 0));
        control("SnapshotFooter", (short) 0, fill(new SnapshotFooterRecord(), (short) 0));
        control("KRaftVersion", (short) 0, fill(new KRaftVersionRecord(), (short) 0));
        control("Voters", (short) 0, fill(new VotersRecord(), (short) 0));
    }

    static void print(MetadataRecordType type, short version, String name, ApiMessage message) {
        ApiMessageAndVersion record = new ApiMessageAndVersion(message, version);
        ObjectSerializationCache cache = new ObjectSerializationCache();
        ByteBuffer buf;
        try {
            buf = ByteBuffer.allocate(MetadataRecordSerde.INSTANCE.recordSize(record, cache));
            MetadataRecordSerde.INSTANCE.write(record, cache, new ByteBufferAccessor(buf));
        } catch (NullPointerException e) {
            return; // a field of this type may not be null
        }
        System.out.printf("%s %d %s %s %s%n", message.getClass().getSimpleName(), version, name, hex(buf.array()),
            MetadataJsonConverters.writeJson(message, version));
    }

    static void control(String name, short version, ApiMessage message) throws Exception {
        message.getClass().getMethod("setVersion", short.class).invoke(message, version);
        ByteBuffer buf = MessageUtil.toByteBufferAccessor(message, version).buffer();
        byte[] bytes = new byte[buf.remaining()];
        buf.get(bytes);
        Class<?> json = Class.forName(message.getClass().getName() + "JsonConverter");
        Object text = json.getMethod("write", message.getClass(), short.class).invoke(null, message, version);
        System.out.printf("%s %d control %s %s%n", name, version, hex(bytes), text);
    }

    static String hex(byte[] bytes) {
        StringBuilder out = new StringBuilder();
        for (byte b : bytes) out.append(String.format("%02x", b));
        return out.toString();
    }

    // fields gives the names of the fields that exist in a version.
    static Set<String> fields(Object message, short version) throws Exception {
        Schema[] schemas = (Schema[]) message.getClass().getField("SCHEMAS").get(null);
        Set<String> names = new HashSet<>();
        for (var bound : schemas[Math.min(version, schemas.length - 1)].fields()) {
            if (bound.def.type instanceof TaggedFields tagged) {
                for (Field f : tagged.fields().values()) names.add(camel(f.name));
            } else {
                names.add(camel(bound.def.name));
            }
        }
        return names;
    }

    static String camel(String snake) {
        return snake.replace("_", "").toLowerCase();
    }

    static List<Method> setters(Object message, short version) throws Exception {
        Set<String> names = fields(message, version);
        List<Method> methods = new ArrayList<>(List.of(message.getClass().getMethods()));
        methods.removeIf(m -> !m.getName().startsWith("set") || m.getParameterCount() != 1
            || !names.contains(m.getName().substring(3).toLowerCase()));
        methods.sort((a, b) -> a.getName().compareTo(b.getName()));
        return methods;
    }

    // fill sets each field of the version to a value that is not its default.
    static <T> T fill(T message, short version) throws Exception {
        for (Method m : setters(message, version)) {
            Class<?> type = m.getParameterTypes()[0];
            if (m.getName().equals("setPort")) { // an unsigned 16-bit number
                m.invoke(message, 60000 + ++counter);
                continue;
            }
            m.invoke(message, value(m.getGenericParameterTypes()[0], type, version));
        }
        return message;
    }

    static Object value(Type generic, Class<?> type, short version) throws Exception {
        int n = ++counter;
        if (type == boolean.class) return true;
        if (type == byte.class) return (byte) (1 + n % 2);
        if (type == short.class) return (short) (300 + n % 20000);
        if (type == int.class) return 70000 + n;
        if (type == long.class) return 5000000000L + n;
        if (type == double.class) return n + 0.5;
        if (type == String.class) return "text-" + n + "-é";
        if (type == Uuid.class) return new Uuid(0x1122334455667788L, n);
        if (type == byte[].class) return new byte[] {1, 2, (byte) n};
        if (Collection.class.isAssignableFrom(type)) {
            if (type == List.class) {
                Type element = ((ParameterizedType) generic).getActualTypeArguments()[0];
                List<Object> out = new ArrayList<>();
                for (int i = 0; i < 2; i++) out.add(element(element, version));
                return out;
            }
            Collection<Object> out = make(type);
            Type element = ((ParameterizedType) type.getGenericSuperclass()).getActualTypeArguments()[0];
            for (int i = 0; i < 2; i++) out.add(element(element, version));
            return out;
        }
        return element(type, version);
    }

    @SuppressWarnings("unchecked")
    static Collection<Object> make(Class<?> type) throws Exception {
        for (Constructor<?> c : type.getConstructors()) {
            if (c.getParameterCount() == 0) return (Collection<Object>) c.newInstance();
        }
        throw new IllegalStateException("no constructor of " + type);
    }

    static Object element(Type type, short version) throws Exception {
        Class<?> c = (Class<?>) type;
        int n = ++counter;
        if (c == Integer.class) return 1000 + n;
        if (c == String.class) return "item-" + n;
        if (c == Uuid.class) return new Uuid(0x1122334455667799L, n);
        return fill(c.getConstructor().newInstance(), version);
    }
}
