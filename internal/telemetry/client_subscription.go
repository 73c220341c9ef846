package telemetry

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
)

// ClientID is a client's instance id (KIP-714). Its text is Kafka's base64.
type ClientID [16]byte

// String is Uuid.toString.
func (id ClientID) String() string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// hash is Uuid.hashCode.
func (id ClientID) hash() int32 {
	x := binary.BigEndian.Uint64(id[:8]) ^ binary.BigEndian.Uint64(id[8:])
	return int32(x>>32) ^ int32(x)
}

// reserved says whether no client may have the id (Uuid.RESERVED).
func (id ClientID) reserved() bool {
	return id == ClientID{} || id == ClientID{15: 1}
}

// Client is what is known of who asks.
type Client struct {
	ClientID        string
	SoftwareName    string // "" if it has not told, and so on
	SoftwareVersion string
	Address         string
	Port            string
	// Connection names the connection among all.
	Connection string
}

// attribute is what a pattern of a subscription is held against; ok is false where that is not known.
func (c *Client) attribute(id ClientID, name string) (value string, ok bool) {
	switch name {
	case "client_instance_id":
		value = id.String()
	case "client_id":
		return c.ClientID, true
	case "client_software_name":
		value = c.SoftwareName
	case "client_software_version":
		value = c.SoftwareVersion
	case "client_source_address":
		value = c.Address
	case "client_source_port":
		value = c.Port
	}
	return value, value != ""
}

// Subscription is one client metrics resource: which clients push what how often.
type Subscription struct {
	Name     string
	Metrics  []string // prefixes of names; "*" is all
	Interval time.Duration
	Match    []string // attribute=regular expression, all of which must match

	patterns []pattern
}

type pattern struct {
	attribute string
	value     *regexp.Regexp
}

// defaultPushInterval is that of clients without a subscription.
const defaultPushInterval = 5 * time.Minute

// compile makes the patterns of Match. What config has let pass compiles; a pattern that does not matches nobody.
func (s *Subscription) compile() {
	s.patterns = nil
	for _, m := range s.Match {
		name, text, _ := strings.Cut(m, "=")
		re, err := regexp.Compile("^(?:" + strings.TrimSpace(text) + ")$")
		if err != nil {
			re = regexp.MustCompile(`[^\s\S]`)
		}
		s.patterns = append(s.patterns, pattern{strings.TrimSpace(name), re})
	}
}

func (s *Subscription) matches(id ClientID, c *Client) bool {
	for _, p := range s.patterns {
		value, ok := c.attribute(id, p.attribute)
		if !ok || !p.value.MatchString(value) {
			return false
		}
	}
	return true
}

func (s *Subscription) equal(o *Subscription) bool {
	return s.Name == o.Name && s.Interval == o.Interval && slices.Equal(s.Metrics, o.Metrics) && slices.Equal(s.Match, o.Match)
}

// Assignment is what one client is to push.
type Assignment struct {
	ID             ClientID
	SubscriptionID int32
	Metrics        []string
	Interval       time.Duration
}

// assign puts the subscriptions that match a client together, as ClientMetricsManager.createClientInstance.
func assign(all []Subscription, id ClientID, c *Client) Assignment {
	a := Assignment{ID: id, Interval: defaultPushInterval}
	for i := range all {
		if !all[i].matches(id, c) {
			continue
		}
		a.Metrics = append(a.Metrics, all[i].Metrics...)
		a.Interval = min(a.Interval, all[i].Interval)
	}
	slices.SortFunc(a.Metrics, cmp.Compare[string])
	a.Metrics = slices.Compact(a.Metrics)
	if slices.Contains(a.Metrics, "*") {
		a.Metrics = []string{"*"}
	}
	a.Metrics = javaSetOrder(a.Metrics)
	// ClientMetricsManager.computeSubscriptionId.
	text := "[" + strings.Join(a.Metrics, ", ") + "]" + strconv.FormatInt(a.Interval.Milliseconds(), 10)
	a.SubscriptionID = int32(crc32.Checksum([]byte(text), crc32.MakeTable(crc32.Castagnoli))) ^ id.hash()
	return a
}

// javaSetOrder puts names, which are in order, into that of a java.util.HashSet to which they were added: the
// subscription id is made of it.
func javaSetOrder(names []string) []string {
	capacity := 16
	for len(names)*4 > capacity*3 {
		capacity *= 2
	}
	bucket := func(s string) int {
		var h uint32
		for _, c := range utf16.Encode([]rune(s)) {
			h = 31*h + uint32(c)
		}
		return int(h^h>>16) & (capacity - 1)
	}
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(bucket(a), bucket(b)) })
	return names
}
