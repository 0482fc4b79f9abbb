package configs

import "railgate/verify/lane"

// Update is how a release is brought that the station gives the gate.
type Update struct {
	Install string     // asked: when a person asks; quiet: by itself too, within Hours, while nobody comes
	Hours   lane.Hours // in the station's zone
	Rate    int64      // bytes a second, while it is brought
}

// The keys of [update].
var (
	updateInstall = word{"install", []string{"asked", "quiet"}, "asked"}
	updateRate    = whole{"rate", "kilobytes a second, while it is brought", 10, 1e6, 250}
)

const updateHours = "01:30-04:00"

func (c *checker) checkUpdate() {
	c.in("update")
	c.Update = Update{Install: c.word(updateInstall), Rate: int64(c.whole(updateRate)) * 1000}
	c.kind("hours", kind{"hours, such as " + shown(updateHours), shown(updateHours), form{}})
	text := updateHours
	if c.has("hours") {
		text = c.text("hours")
	}
	c.set("hours", text)
	hours, err := lane.ParseHours(text)
	if err != nil || hours == (lane.Hours{}) {
		c.wrong("hours", "%s is not a span of hours; want such as %q; over midnight too: \"23:30-04:00\"", quote(text), updateHours)
	}
	c.Update.Hours = hours
}
