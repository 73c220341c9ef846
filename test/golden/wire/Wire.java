import java.io.PrintWriter;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HexFormat;
import java.util.List;
import java.util.TreeMap;

import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.message.ApiMessageType;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.ObjectSerializationCache;
import org.apache.kafka.common.protocol.types.ArrayOf;
import org.apache.kafka.common.protocol.types.BoundField;
import org.apache.kafka.common.protocol.types.CompactArrayOf;
import org.apache.kafka.common.protocol.types.Schema;
import org.apache.kafka.common.protocol.types.TaggedFields;
import org.apache.kafka.common.protocol.types.Type;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.SimpleRecord;

/**
 * Writes the golden bytes of every API message at every stable version: OUTDIR/KEY-NAME.txt, lines "version kind variant hex".
 * kind is request or response; variant "full" has a value that is no default in each field that the version knows, "bare"
 * has null where it may stand and empty lists. headers.txt holds the header versions.
 */
public class Wire {
    private int count;
    private boolean full;

    public static void main(String[] args) throws Exception {
        Path out = Path.of(args[0]);
        try (PrintWriter headers = new PrintWriter(Files.newBufferedWriter(out.resolve("headers.txt")))) {
            headers.println("# key version request-header response-header");
            for (ApiMessageType type : ApiMessageType.values()) {
                try (PrintWriter file = new PrintWriter(Files.newBufferedWriter(out.resolve("%02d-%s.txt".formatted(type.apiKey(), type.name))))) {
                    for (short v = type.lowestSupportedVersion(); v <= type.highestSupportedVersion(false); v++) {
                        headers.printf("%d %d %d %d%n", type.apiKey(), v, type.requestHeaderVersion(v), type.responseHeaderVersion(v));
                        for (String variant : List.of("full", "bare")) {
                            write(file, v, "request", variant, type.newRequest(), type.requestSchemas()[v]);
                            write(file, v, "response", variant, type.newResponse(), type.responseSchemas()[v]);
                        }
                    }
                }
            }
        }
    }

    private static void write(PrintWriter file, short version, String kind, String variant, ApiMessage message, Schema schema) throws Exception {
        Wire wire = new Wire();
        wire.full = variant.equals("full");
        wire.fill(message, schema, 0);
        ObjectSerializationCache cache = new ObjectSerializationCache();
        ByteBuffer buffer = ByteBuffer.allocate(message.size(cache, version));
        message.write(new ByteBufferAccessor(buffer), cache, version);
        file.printf("%d %s %s %s%n", version, kind, variant, HexFormat.of().formatHex(buffer.array(), 0, buffer.position()));
    }

    /** Sets the fields that the schema of a version names. */
    private void fill(Object message, Schema schema, int depth) throws Exception {
        for (BoundField bound : schema.fields()) {
            if (bound.def.type instanceof TaggedFields tagged) {
                for (var entry : new TreeMap<>(tagged.fields()).entrySet()) set(message, entry.getValue(), depth);
            } else {
                set(message, bound.def, depth);
            }
        }
    }

    private void set(Object message, org.apache.kafka.common.protocol.types.Field def, int depth) throws Exception {
        Field field = field(message.getClass(), def.name);
        field.setAccessible(true);
        field.set(message, value(def.type, field.getGenericType(), field.getType(), depth));
    }

    /** The Java field of a schema's field: topic_id is topicId. */
    private static Field field(Class<?> type, String name) throws NoSuchFieldException {
        String plain = name.replace("_", "");
        for (Field f : type.getDeclaredFields()) {
            if (!Modifier.isStatic(f.getModifiers()) && f.getName().equalsIgnoreCase(plain)) return f;
        }
        throw new NoSuchFieldException(type + " " + name);
    }

    private Object value(Type type, java.lang.reflect.Type generic, Class<?> raw, int depth) throws Exception {
        if (!full && type.isNullable()) return raw == String.class || !raw.isPrimitive() ? null : 0;
        if (type.isArray()) return list(type, generic, raw, depth);
        count++;
        if (raw == boolean.class) return true;
        if (raw == byte.class) return (byte) (count % 100 + 1);
        if (raw == short.class) return (short) (count + 200);
        if (raw == int.class) return count + (type == Type.UINT16 ? 40_000 : 70_000);
        if (raw == long.class) return count + 5_000_000_000L;
        if (raw == double.class) return count + 0.5;
        if (raw == String.class) return full ? "č" + count : "";
        if (raw == Uuid.class) return new Uuid(0x0123456789abcdefL, count);
        if (raw == byte[].class) return bytes();
        if (raw == ByteBuffer.class) return ByteBuffer.wrap(bytes());
        if (raw.getName().startsWith("org.apache.kafka.common.record.")) return records();
        Object nested = raw.getDeclaredConstructor().newInstance();
        fill(nested, schema(type), depth + 1);
        return nested;
    }

    private byte[] bytes() { return full ? ("bytes " + count).getBytes(StandardCharsets.UTF_8) : new byte[0]; }

    private MemoryRecords records() {
        return MemoryRecords.withRecords(5L, Compression.NONE, new SimpleRecord(1_700_000_000_000L + count, "key".getBytes(StandardCharsets.UTF_8), ("value " + count).getBytes(StandardCharsets.UTF_8)));
    }

    private static Schema schema(Type type) throws Exception {
        if (type instanceof Schema s) return s;
        for (Class<?> c = type.getClass(); c != null; c = c.getSuperclass()) {
            for (Field f : c.getDeclaredFields()) {
                if (Schema.class.isAssignableFrom(f.getType()) || f.getName().equals("type")) {
                    f.setAccessible(true);
                    if (f.get(type) instanceof Schema s) return s;
                }
            }
        }
        throw new IllegalArgumentException("no schema in " + type.getClass());
    }

    /** A list of two elements at the top and one below; a keyed collection is a list whose elements carry their key. */
    @SuppressWarnings("unchecked")
    private Object list(Type type, java.lang.reflect.Type generic, Class<?> raw, int depth) throws Exception {
        Type element = type instanceof ArrayOf a ? a.arrayElementType().get() : ((CompactArrayOf) type).arrayElementType().get();
        java.lang.reflect.Type of = generic instanceof ParameterizedType p ? p.getActualTypeArguments()[0] : ((ParameterizedType) raw.getGenericSuperclass()).getActualTypeArguments()[0];
        Collection<Object> out = raw == List.class ? new ArrayList<>() : (Collection<Object>) raw.getDeclaredConstructor().newInstance();
        for (int i = 0; full && i < (depth == 0 ? 2 : 1); i++) out.add(boxed(element, of, depth));
        return out;
    }

    private Object boxed(Type element, java.lang.reflect.Type of, int depth) throws Exception {
        if (of instanceof ParameterizedType p) return list(element, p, (Class<?>) p.getRawType(), depth + 1);
        Class<?> c = (Class<?>) of;
        if (c == Integer.class) return value(element, int.class, int.class, depth);
        if (c == Long.class) return value(element, long.class, long.class, depth);
        if (c == Short.class) return value(element, short.class, short.class, depth);
        if (c == Byte.class) return value(element, byte.class, byte.class, depth);
        return value(element, c, c, depth + 1);
    }
}
