package pages

import _ "embed"

//go:embed look.css
var look string

// Look is the style that several pages begin with: look.css.
func Look() []byte { return []byte(look) }
