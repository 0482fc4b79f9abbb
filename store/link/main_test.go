package link

import (
	"flag"
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	flag.Parse()
	flag.Set("test.parallel", "6") // they wait more than they work; the flag is there
	os.Exit(m.Run())
}
