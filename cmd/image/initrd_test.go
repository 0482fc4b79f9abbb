package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

const modulesDep = `kernel/drivers/ata/ahci.ko: kernel/drivers/ata/libahci.ko kernel/drivers/ata/libata.ko
kernel/drivers/ata/libahci.ko: kernel/drivers/ata/libata.ko
kernel/drivers/ata/libata.ko: kernel/drivers/scsi/scsi_mod.ko
kernel/drivers/scsi/scsi_mod.ko:
kernel/drivers/scsi/sd_mod.ko: kernel/lib/crc-t10dif.ko
kernel/lib/crc-t10dif.ko:
kernel/drivers/ata2/no.ko:
kernel/sound/loud.ko:
`

// A folder's modules are taken, and a module by its name, each with what it needs, and no more.
func TestModuleOrder(t *testing.T) {
	dir := t.TempDir()
	if err := write(dir+"/modules.dep", []byte(modulesDep), 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := moduleOrder(dir, []string{"drivers/ata", "drivers/scsi/sd_mod.ko"})
	want := []string{"kernel/drivers/ata/ahci.ko", "kernel/drivers/ata/libahci.ko", "kernel/drivers/ata/libata.ko", "kernel/drivers/scsi/scsi_mod.ko",
		"kernel/drivers/scsi/sd_mod.ko", "kernel/lib/crc-t10dif.ko"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("moduleOrder = %q, %v\nwant %q", got, err, want)
	}
	if _, err := moduleOrder(dir, []string{"drivers/none"}); err == nil {
		t.Error("a folder without modules is no error")
	}
}

// Each program that init calls is there.
func TestInitHasItsPrograms(t *testing.T) {
	text := readText(t, repository+"/configs/image/initramfs/init")
	for _, shell := range []string{"echo", "exec", "return", "export", "until", "for", "if", "case", "keep", "drivers", "stop", "closed", "partition"} {
		text = regexp.MustCompile(`(?m)(^|[\s(|&])`+shell+`\b`).ReplaceAllString(text, "$1:")
	}
	for _, name := range applets {
		if name != "sh" && !strings.Contains(text, name+" ") {
			t.Errorf("init does not call %s", name)
		}
	}
	for _, m := range regexp.MustCompile(`(?m)(?:^\s*|\$\(|\| |&& |do |then )([a-z][a-z0-9_]+) [-"/$a-z]`).FindAllStringSubmatch(text, -1) {
		if m[1] != "e2fsck" && m[1] != "fsck" && !slices.Contains(applets, m[1]) {
			t.Errorf("init calls %q, which the initramfs does not have", m[1])
		}
	}
}
