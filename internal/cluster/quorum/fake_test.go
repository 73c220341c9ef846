package quorum

import (
	"encoding/binary"
	"hash/crc32"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/cluster/controller"
	"github.com/headrace/headrace/internal/cluster/metadata"
)

// configController is a controller that knows one request: each resource of an
// IncrementalAlterConfigs becomes a batch that sets its configs. An empty
// request makes no record.
type configController struct {
	due    []metadata.Record // given out by the next Tick
	resets int
}

var _ Controller = (*configController)(nil)

func (c *configController) Handle(img *metadata.Image, _ time.Time, _ *rand.Rand, req kmsg.Request, _ controller.Requester) (controller.Decision, error) {
	r, ok := req.(*kmsg.IncrementalAlterConfigsRequest)
	if !ok {
		return controller.Decision{}, controller.ErrUnhandled
	}
	resp := kmsg.NewPtrIncrementalAlterConfigsResponse()
	var out []metadata.Record
	for _, res := range r.Resources {
		for _, cfg := range res.Configs {
			out = append(out, &metadata.ConfigRecord{
				ResourceType: metadata.ResourceType(res.ResourceType), ResourceName: res.ResourceName, Name: cfg.Name, Value: cfg.Value,
			})
		}
		rr := kmsg.NewIncrementalAlterConfigsResponseResource()
		rr.ResourceName = res.ResourceName
		resp.Resources = append(resp.Resources, rr)
	}
	resp.ThrottleMillis = int32(img.Position().Offset) // what the decision was based on
	return controller.Decision{Records: out, Reply: resp}, nil
}

func (c *configController) Tick(*metadata.Image, time.Time) []metadata.Record {
	due := c.due
	c.due = nil
	return due
}

func (c *configController) Reset() { c.resets++ }

// setConfig is a request that sets one broker config.
func setConfig(name, value string) *kmsg.IncrementalAlterConfigsRequest {
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	res := kmsg.NewIncrementalAlterConfigsRequestResource()
	res.ResourceType, res.ResourceName = kmsg.ConfigResourceTypeBroker, "1"
	cfg := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
	cfg.Name, cfg.Value = name, kmsg.StringPtr(value)
	res.Configs = append(res.Configs, cfg)
	req.Resources = append(req.Resources, res)
	return req
}

// configOf reads what setConfig has set; "" where nothing is.
func configOf(img *metadata.Image, name string) string {
	v, _ := img.Configs(metadata.ConfigResource{Type: metadata.ResourceType(kmsg.ConfigResourceTypeBroker), Name: "1"}).Get(name)
	return v
}

var testBootstrap = []metadata.Record{&metadata.FeatureLevelRecord{Name: metadata.FeatureMetadataVersion, FeatureLevel: 20}}

func seeded(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, seed^0x9e3779b97f4a7c15)) }

// must fails the test on an error.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func crcOf(b []byte) []byte {
	return binary.BigEndian.AppendUint32(nil, crc32.Checksum(b, castagnoli))
}

// envelopeOf puts the right CRC before an envelope's bytes.
func envelopeOf(rest []byte) []byte { return append(crcOf(rest), rest...) }
