package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

func TestTheNetworkIsWrittenForNetworkd(t *testing.T) {
	dir := t.TempDir()
	const head = "# Written by railgate from the configuration's [network].\n[Match]\nType=ether\nKind=!*\n\n[Network]\n"
	for _, tt := range []struct{ name, section, want string }{
		{"an address", "address = \"10.1.2.3/24\"\ngateway = \"10.1.2.1\"\ndns = [\"10.1.2.1\", \"10.1.2.2\"]\n", head + "Address=10.1.2.3/24\nGateway=10.1.2.1\nDNS=10.1.2.1\nDNS=10.1.2.2\n"},
		{"dhcp", "address = \"dhcp\"\n", head + "DHCP=yes\n"},
		{"nothing", "", ""},
		{"nothing again", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			config := filepath.Join(t.TempDir(), "gate.toml")
			text := fmt.Sprintf("data = %q\n[[scanner]]\ndriver = \"serial\"\nport = \"/dev/p\"\n[turnstile]\ndriver = \"sim\"\n[network]\n%s", dir, tt.section)
			if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if status := run([]string{"--config", config, "provision-network", "--to", filepath.Join(dir, "network"), "--updates", filepath.Join(dir, "updates")}, nil, os.Stdout, os.Stderr); status != 0 {
				t.Fatalf("status %d", status)
			}
			if _, err := os.Stat(filepath.Join(dir, "updates")); !os.IsNotExist(err) {
				t.Errorf("a nation is recorded that nobody named: %v", err)
			}
			got, err := os.ReadFile(filepath.Join(dir, "network", networkFile))
			if string(got) != tt.want || (tt.want == "") != os.IsNotExist(err) {
				t.Errorf("%q, %v; want %q", got, err, tt.want)
			}
		})
	}
}
