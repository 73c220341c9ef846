package dump

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/headrace/headrace/internal/edge/javaerr"
	"github.com/headrace/headrace/internal/kafka/record"
	"github.com/headrace/headrace/internal/kafka/schema"
)

// Decoder shows what a record holds. An error ends the dump.
type Decoder interface {
	Decode(r *record.Record) (Contents, error)
}

// Contents are key and payload of a record, or why they cannot be shown.
type Contents struct {
	Key, Payload Text
	// Problem is shown in place of the key.
	Problem string
}

func (c Contents) keyText() (string, bool) {
	if c.Problem != "" {
		return c.Problem, true
	}
	return c.Key.get()
}

// Text is a part of a record: as text, and as JSON where that is another. The zero Text is not shown.
type Text struct {
	text  string
	json  json.RawMessage // nil: text in quotes
	shown bool
}

func (t Text) get() (string, bool) { return t.text, t.shown }

func (t Text) raw() json.RawMessage {
	if !t.shown || t.json != nil {
		return t.json
	}
	b, err := json.Marshal(t.text)
	if err != nil {
		panic(err) // a string has JSON
	}
	return b
}

func plain(s string) Text { return Text{text: s, shown: true} }

func object(o schema.Object) Text {
	return Text{text: o.String(), json: []byte(o.String()), shown: true}
}

// javaText is what Java makes of UTF-8.
func javaText(b []byte) string { return strings.ToValidUTF8(string(b), "\uFFFD") }

// values are Kafka's Decoder classes.
var values = map[string]func([]byte) (string, error){
	"org.apache.kafka.tools.api.StringDecoder": func(b []byte) (string, error) { return javaText(b), nil },
	// Deviation: the original prints the identity of Java's array.
	"org.apache.kafka.tools.api.DefaultDecoder": func(b []byte) (string, error) { return hex.EncodeToString(b), nil },
	"org.apache.kafka.tools.api.IntegerDecoder": func(b []byte) (string, error) {
		if len(b) < 4 {
			return "", underflow()
		}
		return strconv.Itoa(int(int32(binary.BigEndian.Uint32(b)))), nil
	},
	"org.apache.kafka.tools.api.LongDecoder": func(b []byte) (string, error) {
		if len(b) < 8 {
			return "", underflow()
		}
		return strconv.FormatInt(int64(binary.BigEndian.Uint64(b)), 10), nil
	},
}

func underflow() error { return &javaerr.Exception{Class: "java.nio.BufferUnderflowException"} }

// StringDecoder is the class that decodes where none is named.
const StringDecoder = "org.apache.kafka.tools.api.StringDecoder"

// Classes returns the decoder of the Java classes for keys and values. There are those of Kafka alone.
func Classes(key, value string) (Decoder, error) {
	var d classes
	for _, part := range []struct {
		class string
		to    *func([]byte) (string, error)
	}{{value, &d.value}, {key, &d.key}} {
		*part.to = values[part.class]
		if *part.to == nil {
			return nil, &javaerr.Exception{
				Class: "java.lang.RuntimeException", Message: "Failed to load decoder class",
				Cause: &javaerr.Exception{Class: "java.lang.ClassNotFoundException", Message: part.class},
			}
		}
	}
	return d, nil
}

type classes struct{ key, value func([]byte) (string, error) }

// Decode implements Decoder.
func (d classes) Decode(r *record.Record) (c Contents, err error) {
	if r.Key != nil {
		text, err := d.key(r.Key)
		if err != nil {
			return c, err
		}
		c.Key = plain(text)
	}
	if r.Value != nil {
		text, err := d.value(r.Value)
		if err != nil {
			return c, err
		}
		c.Payload = plain(text)
	}
	return c, nil
}

// Coordinator decodes the records of an internal topic.
type Coordinator struct {
	schema.Coordinator
	// Members shows what classic consumers put into their group, in place of bytes.
	Members bool
}

// Decode implements Decoder.
func (d Coordinator) Decode(r *record.Record) (c Contents, err error) {
	if r.Key == nil {
		return c, &javaerr.Exception{Class: "java.lang.RuntimeException", Message: fmt.Sprintf(
			"Failed to decode message at offset %d using the specified decoder (message had a missing key)", r.Offset)}
	}
	found, err := d.Coordinator.Decode(r.Key, r.Value)
	if unknown, ok := errors.AsType[*schema.UnknownTypeError](err); ok {
		return Contents{Problem: fmt.Sprintf("Unknown record type %d at offset %d, skipping.", unknown.Type, r.Offset)}, nil
	}
	if err != nil {
		return Contents{Problem: fmt.Sprintf("Error at offset %d, skipping. %v", r.Offset, err)}, nil
	}
	c.Key = object(schema.Object{{Name: "type", Value: strconv.Itoa(int(found.Type))}, {Name: "data", Value: found.Key}})
	if found.Value == nil {
		c.Payload = Text{text: "<DELETE>", json: []byte("null"), shown: true}
		return c, nil
	}
	if d.Members && found.Type == groupMetadata {
		expandMembers(found.Value)
	}
	c.Payload = object(schema.Object{{Name: "version", Value: strconv.Itoa(int(found.ValueVersion))}, {Name: "data", Value: found.Value}})
	return c, nil
}

// groupMetadata is the type of the record that holds a classic group (CoordinatorRecordType.GROUP_METADATA).
const groupMetadata = 2

// expandMembers replaces what the members of a group of consumers say by what it means. Bytes that cannot be read stay.
func expandMembers(group schema.Object) {
	members, _ := group.Get("members").([]schema.Value)
	if group.Get("protocolType") != "consumer" {
		return
	}
	for _, m := range members {
		member, ok := m.(schema.Object)
		if !ok {
			continue
		}
		for name, message := range map[string]string{"subscription": "ConsumerProtocolSubscription", "assignment": "ConsumerProtocolAssignment"} {
			data, _ := member.Get(name).([]byte)
			version, rest, err := schema.Version(data, name)
			if err != nil {
				continue
			}
			if o, _, err := schema.Named(message).Decode(rest, version); err == nil {
				member.Set(name, o)
			}
		}
	}
}

// Metadata decodes the records of __cluster_metadata.
type Metadata struct{}

// Decode implements Decoder.
func (Metadata) Decode(r *record.Record) (Contents, error) {
	o, err := metadataRecord(r.Value)
	if err != nil {
		return Contents{Payload: plain(fmt.Sprintf("Error at %d, skipping. %v", r.Offset, err))}, nil
	}
	return Contents{Payload: object(o)}, nil
}

// metadataRecord is a record with its type.
func metadataRecord(data []byte) (schema.Object, error) {
	m, version, o, err := schema.DecodeMetadata(data)
	if err != nil {
		return nil, err
	}
	return schema.Object{{Name: "type", Value: m.Constant()}, {Name: "version", Value: int64(version)}, {Name: "data", Value: o}}, nil
}
