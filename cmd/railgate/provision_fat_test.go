package main

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// A stick's reader is root's: what a stranger made of its tables must end, and take no memory for what it only says.
func TestAHostileStickEnds(t *testing.T) {
	whole, err := os.ReadFile(fatStick(t, map[string]string{mediumCode: someCode(t)}))
	if err != nil {
		t.Fatal(err)
	}
	v, err := openFAT(bytes.NewReader(whole))
	if err != nil {
		t.Fatal(err)
	}
	folder, err := v.find(v.root, "provision")
	if err != nil {
		t.Fatal(err)
	}
	file, err := v.find(folder.cluster, "railgate.provision")
	if err != nil {
		t.Fatal(err)
	}
	le := binary.LittleEndian
	follow := func(d []byte, from, to uint32) { // in both tables
		for _, table := range []int64{v.table, v.table + 512*int64(le.Uint32(whole[36:]))} {
			le.PutUint32(d[table+4*int64(from):], to)
		}
	}
	fill := func(d []byte, cluster uint32) { // no entry is the last one
		for i := range v.cluster {
			d[v.data+int64(cluster-2)*v.cluster+i] = 0xE5
		}
	}
	entry := func(d []byte) []byte {
		at := v.data + int64(folder.cluster-2)*v.cluster
		return d[at+int64(bytes.Index(d[at:at+v.cluster], []byte("RAILGA"))):]
	}
	for name, change := range map[string]func(d []byte){
		"a root that comes back to itself": func(d []byte) { fill(d, v.root); follow(d, v.root, v.root) },
		"a folder that comes back to the root": func(d []byte) {
			fill(d, folder.cluster)
			follow(d, folder.cluster, v.root)
			follow(d, v.root, folder.cluster)
			fill(d, v.root)
		},
		"a file of 4 GiB":                         func(d []byte) { le.PutUint32(entry(d)[28:], 1<<32-1); follow(d, file.cluster, file.cluster) },
		"a file that ends early":                  func(d []byte) { le.PutUint32(entry(d)[28:], maxProvisionFile) },
		"a file in no cluster":                    func(d []byte) { le.PutUint16(entry(d)[26:], 0) },
		"a chain out of the table":                func(d []byte) { fill(d, v.root); follow(d, v.root, 0x0FFF_FFF0) },
		"a table of 2 TiB":                        func(d []byte) { le.PutUint32(d[36:], 1<<32-1) },
		"a table of 8 GiB":                        func(d []byte) { le.PutUint32(d[36:], 1<<24-1) },
		"clusters of no size, sectors of no size": func(d []byte) { d[13] = 0; le.PutUint16(d[11:], 0) },
	} {
		t.Run(name, func(t *testing.T) {
			d := bytes.Clone(whole)
			change(d)
			path := filepath.Join(t.TempDir(), "stick")
			if err := os.WriteFile(path, d, 0o600); err != nil {
				t.Fatal(err)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			got, err := readFAT(path, mediumCode)
			runtime.ReadMemStats(&after)
			if err == nil {
				t.Errorf("%d bytes and no error", len(got))
			}
			if n := after.TotalAlloc - before.TotalAlloc; n > 8<<20 {
				t.Errorf("%d bytes of memory", n)
			}
		})
	}
}

// What Debian's mkfs and mtools make is read as well.
func TestAStickOfMkfs(t *testing.T) {
	t.Parallel()
	path, code := filepath.Join(t.TempDir(), "stick"), filepath.Join(t.TempDir(), "code")
	want := strings.Repeat(someCode(t)+"\n", 9)
	if err := os.WriteFile(code, []byte(want), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, command := range [][]string{
		{"mkfs.vfat", "-F", "32", "-C", path, "66000"}, {"mmd", "-i", path, "::provision"}, {"mcopy", "-i", path, code, "::provision/railgate.provision"},
	} {
		if _, err := exec.LookPath(command[0]); err != nil {
			t.Skip(err)
		}
		if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%q: %v, %s", command, err, out)
		}
	}
	if got, err := readFAT(path, mediumCode); err != nil || string(got) != want {
		t.Errorf("%d bytes (%v); want %d", len(got), err, len(want))
	}
}

// smallFAT is a volume of a few sectors, each a cluster, with text in the file a/b.
func smallFAT(text string) []byte {
	d := make([]byte, 512*8)
	le := binary.LittleEndian
	le.PutUint16(d[11:], 512)
	d[13], d[14], d[16], d[36], d[44], d[510], d[511] = 1, 1, 1, 1, 2, 0x55, 0xAA
	for cluster := range uint32(4) {
		le.PutUint32(d[512+4*(cluster+1):], 0x0FFF_FFFF)
	}
	entry := func(at int, name byte, attr, cluster byte, size int) {
		short := append([]byte{name}, "          "...)
		var sum byte
		for _, c := range short {
			sum = sum>>1 + sum<<7 + c
		}
		d[at], d[at+1], d[at+11], d[at+13] = 0x41, name, fatLongName, sum
		copy(d[at+32:], short)
		d[at+32+11], d[at+32+26] = attr, cluster
		le.PutUint32(d[at+32+28:], uint32(size))
	}
	entry(1024, 'a', fatFolder, 3, 0)
	entry(1536, 'b', 0, 4, len(text))
	copy(d[2048:], text)
	return d
}

func FuzzFAT(f *testing.F) {
	f.Add(smallFAT("RGP1:"))
	loop := smallFAT("RGP1:")
	loop[512+4*3] = 3
	f.Add(loop)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := openFAT(bytes.NewReader(data))
		if err != nil {
			return
		}
		if got, err := v.read("a/b", 1024); len(got) > 1024 || err == nil && got != nil && len(got) == 0 {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	})
}

func TestASmallFAT(t *testing.T) {
	v, err := openFAT(bytes.NewReader(smallFAT("RGP1:x")))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"a/b": "RGP1:x", "A/B": "RGP1:x", "a/c": "", "c": "", "a/b/c": ""} {
		if got, err := v.read(path, 1024); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v; want %q", path, got, err, want)
		}
	}
}
