package provider

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Text is the one text that a claim has. A path names members of members by dots, as in
// verified_claims.claims.name (OpenID Connect for Identity Assurance 1.0); of a list each
// entry is looked into. ErrClaim: there is none, or there are several that differ.
func (i *Identity) Text(path string) (string, error) {
	all := i.Texts(path)
	if len(all) != 1 {
		return "", fmt.Errorf("%w %q: %d values", ErrClaim, path, len(all))
	}
	return all[0], nil
}

// Texts are the different texts that a claim has, in order.
func (i *Identity) Texts(path string) []string {
	first, rest, _ := strings.Cut(path, ".")
	var v any
	if json.Unmarshal(i.claims[first], &v) != nil {
		return nil
	}
	var out []string
	collect(v, rest, &out)
	return out
}

func collect(v any, path string, out *[]string) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			collect(e, path, out)
		}
	case map[string]any:
		first, rest, _ := strings.Cut(path, ".")
		if member, ok := v[first]; ok && first != "" {
			collect(member, rest, out)
		}
	case string:
		if path == "" && v != "" && !slices.Contains(*out, v) {
			*out = append(*out, v)
		}
	}
}
