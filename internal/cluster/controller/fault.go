package controller

import (
	"errors"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
)

// fault is an error for the client: Kafka's error, and a text of its own. An
// empty text is sent as null, as ApiError does where the text would only repeat
// the error's general one.
type fault struct {
	kind *kerr.Error
	text string
}

func (f *fault) Error() string {
	if f.text == "" {
		return f.kind.Message
	}
	return f.kind.Message + ": " + f.text
}

func (f *fault) Unwrap() error { return f.kind }

func faultf(kind *kerr.Error, format string, args ...any) *fault {
	return &fault{kind, fmt.Sprintf(format, args...)}
}

// generalTexts has the text of an error where Kafka sends the error's general
// one (Errors.message), in Kafka's words.
var generalTexts = map[*kerr.Error]string{
	kerr.UnknownTopicOrPartition:     "This server does not host this topic-partition.",
	kerr.UnknownTopicID:              "This server does not host this topic ID.",
	kerr.TopicAuthorizationFailed:    "Topic authorization failed.",
	kerr.GroupAuthorizationFailed:    "Group authorization failed.",
	kerr.ClusterAuthorizationFailed:  "Cluster authorization failed.",
	kerr.PreferredLeaderNotAvailable: "The preferred leader was not available.",
	kerr.EligibleLeadersNotAvailable: "Eligible topic partition leaders are not available.",
	kerr.ElectionNotNeeded:           "Leader election not needed for topic partition.",
}

// general gives a fault with the error's general text. Kafka sends it where it
// answers with an error alone, and null where an exception had no other text.
func general(kind *kerr.Error) *fault { return &fault{kind, generalTexts[kind]} }

// fill writes the fault to the two fields of a response; nil is success. What
// went wrong inside is not told, as in ApiError.fromThrowable.
func (f *fault) fill(code *int16, text **string) {
	*code, *text = 0, nil
	if f == nil {
		return
	}
	*code = f.kind.Code
	if f.text != "" && f.kind != kerr.UnknownServerError {
		*text = &f.text
	}
}

// code is the error code alone, for responses without a text.
func (f *fault) code() int16 {
	if f == nil {
		return 0
	}
	return f.kind.Code
}

// asFault gives an error of someone else's as a fault; an error without a Kafka
// code becomes kind.
func asFault(err error, kind *kerr.Error) *fault {
	if err == nil {
		return nil
	}
	if f, ok := errors.AsType[*fault](err); ok {
		return f
	}
	errors.As(err, &kind)
	// The client gets the code beside the text: no need for its name in it.
	text := strings.TrimPrefix(err.Error(), kind.Error())
	text = strings.TrimPrefix(strings.TrimSuffix(text, ": "+kind.Error()), ": ")
	return &fault{kind, text}
}
