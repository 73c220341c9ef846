package metadata

import (
	"sync"
	"testing"
)

// An image is read by many goroutines, and comparing brokers encodes them: that
// must not write to what is shared. The race detector is the judge.
func TestEncodingDoesNotWrite(t *testing.T) {
	m, _, err := Empty().Apply([]Record{&RegisterBrokerRecord{
		BrokerID: 1, Endpoints: []Endpoint{{Name: "PLAINTEXT", Host: "localhost", Port: 9092, SecurityProtocol: 0}},
		Features: []FeatureRange{{Name: "f", Min: 1, Max: 2}}, LogDirs: []UUID{{9}},
	}}, Position{})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 100 {
				if d := Compare(Empty(), m); len(d.Brokers) != 1 {
					t.Error("the broker is missing")
				}
				b := *m.Broker(1)
				if !b.equal(m.Broker(1)) {
					t.Error("a copy differs")
				}
				for r := range m.Snapshot() {
					if _, err := Append(nil, r); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
}
