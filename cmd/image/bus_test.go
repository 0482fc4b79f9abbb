package main

import (
	"encoding/xml"
	"os"
	"slices"
	"testing"
)

// RAUC's service installs whatever is signed, an old bundle too: on an image it answers root alone. Debian's own policy lets
// everybody ask it; what the bus allows nobody is forbidden (system.conf).
func TestRaucAnswersRootAlone(t *testing.T) {
	data, err := os.ReadFile(repository + "/configs/image/root/usr/share/dbus-1/system.d/de.pengutronix.rauc.conf")
	if err != nil {
		t.Fatal(err)
	}
	var bus struct {
		Policies []struct {
			User    string `xml:"user,attr"`
			Context string `xml:"context,attr"`
			Group   string `xml:"group,attr"`
			Allow   []struct {
				To  string `xml:"send_destination,attr"`
				Own string `xml:"own,attr"`
			} `xml:"allow"`
		} `xml:"policy"`
	}
	if err := xml.Unmarshal(data, &bus); err != nil {
		t.Fatal(err)
	}
	var allowed []string
	for _, p := range bus.Policies {
		if p.User != "root" && len(p.Allow) > 0 {
			t.Errorf("somebody else than root is allowed: %+v", p)
		}
		for _, a := range p.Allow {
			allowed = append(allowed, a.To+a.Own)
		}
	}
	if want := []string{"de.pengutronix.rauc", "de.pengutronix.rauc"}; !slices.Equal(allowed, want) {
		t.Errorf("root may use %q; want to own and to ask RAUC", allowed)
	}
}
