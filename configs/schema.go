package configs

import (
	"encoding/json"
	"slices"
	"strings"
)

// SchemaPath is where the package has the schema; the reference's first line leads editors to it.
const SchemaPath = "/usr/share/railgate/railgated.schema.json"

// Schema is a JSON Schema (draft 7, which taplo and other editors of TOML know) of a configuration, made of what the
// reference says of each key and what the checker takes. It takes whatever the checker takes, but not the
// reverse: which keys go together, lengths of time and names of lines are the checker's alone.
func Schema() ([]byte, error) {
	_, sections := readReference(string(Reference))
	root := table{"title": "railgated.toml", "description": "The configuration of a railway gate.",
		"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "additionalProperties": false, "required": []string{"scanner"}}
	properties := table{}
	for _, s := range sections {
		keys, needed := schemaKeys(s)
		if s.name == "" {
			for name, key := range keys {
				properties[name] = key
			}
			continue
		}
		section := table{"type": "object", "description": sentence(s.text), "properties": keys, "additionalProperties": false}
		if len(needed) > 0 {
			section["required"] = needed
		}
		if strings.HasPrefix(s.head, "[[") {
			section = table{"type": "array", "description": section["description"], "minItems": 1, "items": section}
		}
		properties[s.name] = section
	}
	root["properties"] = properties
	text, err := json.MarshalIndent(root, "", "  ")
	return append(text, '\n'), err
}

// A table is an object of JSON.
type table map[string]any

// schemaKeys are a section's keys, and those that must be there.
func schemaKeys(s section) (keys table, needed []string) {
	keys = table{}
	for _, e := range s.entries {
		k := everyKind()[strings.TrimPrefix(s.name+"."+e.key, ".")]
		key := k.form.schema()
		key["description"] = strings.TrimSpace(sentence(e.text) + " " + k.sentence())
		if usual := k.usualValue(); usual != nil {
			key["default"] = usual
		}
		keys[e.key] = key
		if k.form.Needed {
			needed = append(needed, e.key)
		}
	}
	slices.Sort(needed)
	return keys, needed
}

func (f form) schema() table {
	if f.Type == "array" {
		items := form{Type: f.Items, Options: f.Options, Least: f.Least, Most: f.Most}
		return table{"type": "array", "items": items.schema(), "uniqueItems": true}
	}
	s := table{"type": "string"}
	if f.Type != "" {
		s["type"] = f.Type
	}
	if f.Options != nil {
		s["enum"] = f.Options
	}
	if f.Least != nil {
		s["minimum"], s["maximum"] = *f.Least, *f.Most
	}
	if f.Chars > 0 {
		s["maxLength"] = f.Chars
	}
	if f.Pattern != "" {
		s["pattern"] = f.Pattern
	}
	return s
}
