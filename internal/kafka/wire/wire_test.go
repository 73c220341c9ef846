package wire

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// lines returns the lines of a file in testdata.
func lines(t *testing.T, name string) []string {
	t.Helper()
	f, err := os.Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var out []string
	for s := bufio.NewScanner(f); s.Scan(); {
		out = append(out, s.Text())
	}
	return out
}

// TestKeysAsBrokerAdvertises compares the table with what Apache Kafka's
// kafka-broker-api-versions.sh printed of a 4.3.1 broker.
func TestKeysAsBrokerAdvertises(t *testing.T) {
	row := regexp.MustCompile(`^(\w+)\((\d+)\): (?:UNSUPPORTED|(\d+)(?: to (\d+))?)`)
	want := map[string]string{}
	unsupported := map[string]bool{}
	for _, line := range lines(t, "apis-4.3.1.txt") {
		m := row.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		if m[3] == "" {
			unsupported[m[1]] = true // no telemetry receiver was configured
			continue
		}
		if m[4] == "" {
			m[4] = m[3]
		}
		want[m[1]] = m[2] + " " + m[3] + "-" + m[4]
	}
	got := map[string]string{}
	for _, k := range Keys {
		if k.Listeners&OnBroker == 0 || unsupported[k.Name] {
			continue
		}
		low := k.Min
		if k.Num == Produce {
			low = ProduceAdvertisedMin
		}
		got[k.Name] = fmt.Sprintf("%d %d-%d", k.Num, low, k.Max)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-broker +table\n%s", diff)
	}
}

// TestKeysAsKmsg checks that kmsg speaks every version, and agrees on where the
// flexible ones begin.
func TestKeysAsKmsg(t *testing.T) {
	for i := range Keys {
		k := &Keys[i]
		if KeyOf(k.Num) != k {
			t.Errorf("KeyOf(%d) is not %s", k.Num, k.Name)
		}
		req := kmsg.RequestForKey(k.Num)
		if req == nil {
			t.Errorf("kmsg has no %s", k.Name)
			continue
		}
		if req.MaxVersion() < k.Max {
			t.Errorf("kmsg speaks %s to version %d, not %d", k.Name, req.MaxVersion(), k.Max)
		}
		for v := k.Min; v <= k.Max; v++ {
			req.SetVersion(v)
			if req.IsFlexible() != k.IsFlexible(v) {
				t.Errorf("%s v%d: flexible is %v in kmsg", k.Name, v, req.IsFlexible())
			}
		}
	}
	for _, num := range []int16{-1, 4, 93, 9999} {
		if KeyOf(num) != nil {
			t.Errorf("there is an API %d", num)
		}
	}
}

// TestCodesAsErrors compares kerr with the names and codes of Kafka's Errors.
func TestCodesAsErrors(t *testing.T) {
	for _, line := range lines(t, "errors-4.3.1.txt") {
		num, name, _ := strings.Cut(line, " ")
		code, err := strconv.Atoi(num)
		if err != nil {
			t.Fatal(err)
		}
		got := kerr.TypedErrorForCode(int16(code))
		if code == 0 {
			if got != nil || CodeOf(nil) != 0 {
				t.Error("0 is an error")
			}
			continue
		}
		if name == "NOT_LEADER_OR_FOLLOWER" {
			name = "NOT_LEADER_FOR_PARTITION" // kerr keeps the name before KIP-392
		}
		if got == nil || got.Message != name {
			t.Errorf("code %d is %v in kerr, %s in Kafka", code, got, name)
			continue
		}
		if c := CodeOf(fmt.Errorf("append: %w", got)); c != int16(code) {
			t.Errorf("CodeOf(%s) = %d", name, c)
		}
	}
}

type sayer struct{ error }

func (sayer) ClientMessage() string { return "hello client" }

func TestMessageOf(t *testing.T) {
	for _, tc := range []struct {
		err  error
		code int16
		want string
	}{
		{nil, 0, ""},
		{errors.New("disk on fire at /secret"), -1, ""},
		{fmt.Errorf("x: %w", sayer{kerr.InvalidRecord}), -1, "hello client"},
		{fmt.Errorf("topic t: %w", kerr.InvalidPartitions), 37, "topic t: " + kerr.InvalidPartitions.Error()},
	} {
		if got := MessageOf(tc.err); got != tc.want {
			t.Errorf("MessageOf(%v) = %q", tc.err, got)
		}
		if got := CodeOf(tc.err); got != tc.code {
			t.Errorf("CodeOf(%v) = %d, want %d", tc.err, got, tc.code)
		}
	}
}

func TestHeaders(t *testing.T) {
	for i := range Keys {
		k := &Keys[i]
		for v := k.Min; v <= k.Max; v++ {
			for _, id := range [][]byte{nil, {}, []byte("client")} {
				frame := AppendRequestHeader(nil, k, v, 77, id)
				frame = append(frame, "body"...)
				SetLength(frame, 0)
				h, body, err := ParseHeader(frame[LengthSize:])
				if err != nil {
					t.Fatalf("%s v%d: %v", k.Name, v, err)
				}
				want := Header{Key: k, Version: v, CorrelationID: 77, ClientID: id, Supported: true}
				if diff := cmp.Diff(want, h); diff != "" || string(body) != "body" {
					t.Fatalf("%s v%d: %s body %q", k.Name, v, diff, body)
				}
				resp := append(AppendResponseHeader(nil, &h), "body"...)
				SetLength(resp, 0)
				corr, body, err := ParseResponseHeader(resp[LengthSize:], k, v)
				if err != nil || corr != 77 || string(body) != "body" {
					t.Fatalf("%s v%d: response %d %q %v", k.Name, v, corr, body, err)
				}
			}
		}
	}
}

// TestHeaderAsKmsg compares with the header that franz-go's formatter makes.
func TestHeaderAsKmsg(t *testing.T) {
	f := kmsg.NewRequestFormatter(kmsg.FormatterClientID("someone"))
	for i := range Keys {
		req := kmsg.RequestForKey(Keys[i].Num)
		req.SetVersion(Keys[i].Max)
		frame := f.AppendRequest(nil, req, 5)
		h, _, err := ParseHeader(frame[LengthSize:])
		if err != nil || h.CorrelationID != 5 || string(h.ClientID) != "someone" || h.Version != Keys[i].Max {
			t.Errorf("%s: %+v %v", Keys[i].Name, h, err)
		}
	}
}

func TestHeaderRefused(t *testing.T) {
	frame := func(key, version int16, rest ...byte) []byte {
		p := appendInt32(appendInt16(appendInt16(nil, key), version), 1)
		return append(p, rest...)
	}
	for _, tc := range []struct {
		name  string
		frame []byte
		want  error
	}{
		{"empty", nil, ErrMalformed},
		{"four bytes", []byte{0, 18, 0, 0}, ErrMalformed},
		{"unknown key", frame(9999, 0, 0xff, 0xff), ErrUnknownKey},
		{"negative key", frame(-1, 0, 0xff, 0xff), ErrUnknownKey},
		{"version above", frame(Metadata, 99, 0xff, 0xff), ErrUnsupportedVersion},
		{"version below", frame(Metadata, -1, 0xff, 0xff), ErrUnsupportedVersion},
		{"client id too long", frame(Metadata, 0, 0, 9, 'a'), ErrMalformed},
		{"client id length -2", frame(Metadata, 0, 0xff, 0xfe), ErrMalformed},
		{"no tags", frame(Metadata, 12, 0xff, 0xff), ErrMalformed},
		{"too many tags", frame(Metadata, 12, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f), ErrMalformed},
		{"tag longer than the frame", frame(Metadata, 12, 0xff, 0xff, 1, 0, 9), ErrMalformed},
		{"varint of ten bytes", frame(Metadata, 12, 0xff, 0xff, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1), ErrMalformed},
	} {
		if _, _, err := ParseHeader(tc.frame); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", tc.name, err, tc.want)
		}
	}
	h, _, err := ParseHeader(frame(APIVersions, 99, 0xff, 0xff, 0))
	if err != nil || h.Supported {
		t.Errorf("ApiVersions v99: %+v %v", h, err)
	}
	h, _, err = ParseHeader(frame(Produce, 2, 0xff, 0xff))
	if err != nil || !h.Supported {
		t.Errorf("Produce v2: %+v %v", h, err)
	}
}

// FuzzHeader looks for panics and for headers that do not survive a round trip.
func FuzzHeader(f *testing.F) {
	for i := range Keys {
		f.Add(AppendRequestHeader(nil, &Keys[i], Keys[i].Max, 3, []byte("c"))[LengthSize:])
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		h, body, err := ParseHeader(frame)
		if err != nil {
			return
		}
		again := append(AppendRequestHeader(nil, h.Key, h.Version, h.CorrelationID, h.ClientID), body...)
		h2, body2, err := ParseHeader(again[LengthSize:])
		if err != nil || cmp.Diff(h, h2) != "" || string(body) != string(body2) {
			t.Fatalf("%+v became %+v, %v", h, h2, err)
		}
	})
}
