package api

import (
	"regexp"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/kafka/wire"
)

// softwareName is what a client may call itself and its version
// (ApiVersionsRequest.SOFTWARE_NAME_VERSION_PATTERN, KIP-511).
var softwareName = regexp.MustCompile(`^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$`)

// apiVersions answers ApiVersions, versions 0 to 4 (KIP-35; 3 names the client's
// software, KIP-511, and carries the features, KIP-584). A version that is not
// spoken gets UNSUPPORTED_VERSION in the body of version 0, with the range of
// ApiVersions itself, so that the client can ask again.
func (b *Broker) apiVersions(c *call) {
	if !c.header.Supported {
		// The body has a form that nobody here knows.
		c.header.Version = 0
		k := c.header.Key
		resp := kmsg.NewPtrApiVersionsResponse()
		resp.ErrorCode = kerr.UnsupportedVersion.Code
		resp.ApiKeys = []kmsg.ApiVersionsResponseApiKey{{ApiKey: k.Num, MinVersion: k.Min, MaxVersion: k.Max}}
		c.reply(resp)
		return
	}
	on((*Broker).listVersions)(b, c)
}

func (b *Broker) listVersions(c *call, req *kmsg.ApiVersionsRequest) {
	resp := kmsg.NewPtrApiVersionsResponse()
	if req.Version >= 3 && (!softwareName.MatchString(req.ClientSoftwareName) || !softwareName.MatchString(req.ClientSoftwareVersion)) {
		resp.ErrorCode = kerr.InvalidRequest.Code
		c.reply(resp)
		return
	}
	if req.Version >= 3 {
		p := c.peer()
		p.softwareName, p.softwareVersion = req.ClientSoftwareName, req.ClientSoftwareVersion
	}
	for i := range b.table {
		if b.table[i].on&kindOf(c.listener()) == 0 {
			continue
		}
		k := wire.KeyOf(b.table[i].key)
		low := k.Min
		if k.Num == wire.Produce {
			low = wire.ProduceAdvertisedMin
		}
		resp.ApiKeys = append(resp.ApiKeys, kmsg.ApiVersionsResponseApiKey{ApiKey: k.Num, MinVersion: low, MaxVersion: k.Max})
	}
	b.features(c, resp)
	c.reply(resp)
}

func (b *Broker) features(c *call, resp *kmsg.ApiVersionsResponse) {
	for _, f := range b.settings.Features {
		// Up to version 3 clients refuse a minimum of zero (KAFKA-17011).
		if c.header.Version < 4 && f.Min == 0 {
			f.Min = 1
		}
		resp.SupportedFeatures = append(resp.SupportedFeatures, kmsg.ApiVersionsResponseSupportedFeature{
			Name: f.Name, MinVersion: f.Min, MaxVersion: f.Max,
		})
	}
	img := b.metadata.Image()
	resp.FinalizedFeaturesEpoch = img.Position().Offset
	for f := range img.Features().All() {
		resp.FinalizedFeatures = append(resp.FinalizedFeatures, kmsg.ApiVersionsResponseFinalizedFeature{
			Name: f.Name, MinVersionLevel: f.Level, MaxVersionLevel: f.Level,
		})
	}
}
