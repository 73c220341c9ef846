package admin

import (
	"cmp"
	"context"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"hash"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/edge/javaerr"
)

// EntityPart names one part of a quota's entity: a kind ("user", "client-id", "ip") and who.
type EntityPart struct {
	Kind string
	Name *string // nil: the default of the kind
	Any  bool    // in a question: every name of the kind
}

// Quota is the quotas of one entity.
type Quota struct {
	Entity []EntityPart
	Values []QuotaValue
}

// QuotaValue is one quota.
type QuotaValue struct {
	Key   string
	Value float64
}

// DescribeQuotas lists the quotas of entities that have exactly these parts.
func (a *Admin) DescribeQuotas(ctx context.Context, parts []EntityPart) ([]Quota, error) {
	req := kmsg.NewPtrDescribeClientQuotasRequest()
	req.Strict = true
	for _, p := range parts {
		c := kmsg.NewDescribeClientQuotasRequestComponent()
		c.EntityType, c.Match = p.Kind, p.Name
		switch {
		case p.Any:
			c.MatchType = kmsg.QuotasMatchTypeAny
		case p.Name == nil:
			c.MatchType = kmsg.QuotasMatchTypeDefault
		}
		req.Components = append(req.Components, c)
	}
	resp, err := call[*kmsg.DescribeClientQuotasResponse](ctx, a, "describeClientQuotas", nil, req)
	if err != nil {
		return nil, err
	}
	if err := coded(resp.ErrorCode, resp.ErrorMessage); err != nil {
		return nil, err
	}
	var quotas []Quota
	for _, e := range resp.Entries {
		var q Quota
		for _, p := range e.Entity {
			q.Entity = append(q.Entity, EntityPart{Kind: p.Type, Name: p.Name})
		}
		for _, v := range e.Values {
			q.Values = append(q.Values, QuotaValue{v.Key, v.Value})
		}
		quotas = append(quotas, q)
	}
	return quotas, nil
}

// AlterQuotas sets the quotas of set and removes those of remove.
func (a *Admin) AlterQuotas(ctx context.Context, entity []EntityPart, set []QuotaValue, remove []string) error {
	req := kmsg.NewPtrAlterClientQuotasRequest()
	e := kmsg.NewAlterClientQuotasRequestEntry()
	for _, p := range entity {
		part := kmsg.NewAlterClientQuotasRequestEntryEntity()
		part.Type, part.Name = p.Kind, p.Name
		e.Entity = append(e.Entity, part)
	}
	for _, v := range set {
		op := kmsg.NewAlterClientQuotasRequestEntryOp()
		op.Key, op.Value = v.Key, v.Value
		e.Ops = append(e.Ops, op)
	}
	for _, key := range remove {
		op := kmsg.NewAlterClientQuotasRequestEntryOp()
		op.Key, op.Remove = key, true
		e.Ops = append(e.Ops, op)
	}
	req.Entries = append(req.Entries, e)
	resp, err := call[*kmsg.AlterClientQuotasResponse](ctx, a, "alterClientQuotas", nil, req)
	if err != nil {
		return err
	}
	for _, e := range resp.Entries {
		if err := coded(e.ErrorCode, e.ErrorMessage); err != nil {
			return err
		}
	}
	return nil
}

// ScramUser is a user's SCRAM credentials, without their secrets.
type ScramUser struct {
	Name        string
	Credentials []ScramCredential
	Err         error
}

// ScramCredential is one credential.
type ScramCredential struct {
	Mechanism  string
	Iterations int32
}

// scramMechanisms are the mechanisms by their numbers in requests.
var scramMechanisms = map[int8]struct {
	name string
	hash func() hash.Hash
	size int
}{
	1: {"SCRAM-SHA-256", sha256.New, sha256.Size},
	2: {"SCRAM-SHA-512", sha512.New, sha512.Size},
}

func scramNumber(name string) int8 {
	for n, m := range scramMechanisms {
		if m.name == name {
			return n
		}
	}
	return 0
}

// DescribeScram lists the credentials of users, of all if none is named; users come by name.
func (a *Admin) DescribeScram(ctx context.Context, users []string) ([]ScramUser, error) {
	req := kmsg.NewPtrDescribeUserSCRAMCredentialsRequest()
	for _, u := range users {
		ru := kmsg.NewDescribeUserSCRAMCredentialsRequestUser()
		ru.Name = u
		req.Users = append(req.Users, ru)
	}
	resp, err := call[*kmsg.DescribeUserSCRAMCredentialsResponse](ctx, a, "describeUserScramCredentials", nil, req)
	if err != nil {
		return nil, err
	}
	if err := coded(resp.ErrorCode, resp.ErrorMessage); err != nil {
		return nil, err
	}
	var all []ScramUser
	const resourceNotFound = 91
	for _, r := range resp.Results {
		if r.ErrorCode == resourceNotFound {
			continue // the user has none
		}
		u := ScramUser{Name: r.User, Err: coded(r.ErrorCode, r.ErrorMessage)}
		for _, c := range r.CredentialInfos {
			u.Credentials = append(u.Credentials, ScramCredential{scramMechanisms[c.Mechanism].name, c.Iterations})
		}
		all = append(all, u)
	}
	slices.SortFunc(all, func(a, b ScramUser) int { return cmp.Compare(a.Name, b.Name) })
	return all, nil
}

// ScramPassword is a credential to be made.
type ScramPassword struct {
	ScramCredential
	Password string
}

// AlterScram makes and removes credentials of one user. The password does not leave this process.
func (a *Admin) AlterScram(ctx context.Context, user string, set []ScramPassword, remove []string) error {
	req := kmsg.NewPtrAlterUserSCRAMCredentialsRequest()
	for _, mechanism := range remove {
		d := kmsg.NewAlterUserSCRAMCredentialsRequestDeletion()
		d.Name, d.Mechanism = user, scramNumber(mechanism)
		req.Deletions = append(req.Deletions, d)
	}
	for _, s := range set {
		u := kmsg.NewAlterUserSCRAMCredentialsRequestUpsertion()
		u.Name, u.Mechanism, u.Iterations = user, scramNumber(s.Mechanism), s.Iterations
		m := scramMechanisms[u.Mechanism]
		u.Salt = make([]byte, m.size)
		if _, err := rand.Read(u.Salt); err != nil {
			return javaerr.From(err)
		}
		var err error
		if u.SaltedPassword, err = pbkdf2.Key(m.hash, s.Password, u.Salt, int(s.Iterations), m.size); err != nil {
			return javaerr.From(err)
		}
		req.Upsertions = append(req.Upsertions, u)
	}
	resp, err := call[*kmsg.AlterUserSCRAMCredentialsResponse](ctx, a, "alterUserScramCredentials", nil, req)
	if err != nil {
		return err
	}
	for _, r := range resp.Results {
		if err := coded(r.ErrorCode, r.ErrorMessage); err != nil {
			return err
		}
	}
	return nil
}

// Groups lists the ids of all groups, of every type.
func (a *Admin) Groups(ctx context.Context) ([]string, error) {
	resp, err := call[*kmsg.ListGroupsResponse](ctx, a, "listGroups", nil, kmsg.NewPtrListGroupsRequest())
	if err != nil {
		return nil, err
	}
	if err := javaerr.Coded(resp.ErrorCode, ""); err != nil {
		return nil, err
	}
	var ids []string
	for _, g := range resp.Groups {
		ids = append(ids, g.Group)
	}
	slices.Sort(ids)
	return ids, nil
}
