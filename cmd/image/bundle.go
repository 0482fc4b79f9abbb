package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"time"
)

// makeKey sees to the key that signs bundles. Without one, a key for development is made once and kept.
func (b *build) makeKey() error {
	if err := os.MkdirAll(b.out, 0o755); err != nil {
		return err
	}
	if b.key == "" {
		b.key, b.cert = filepath.Join(b.out, "development.key.pem"), filepath.Join(b.out, "development.cert.pem")
		if _, err := os.Stat(b.cert); errors.Is(err, fs.ErrNotExist) {
			b.say("no key was given: bundles are signed with one for development, %s", b.key)
			if err := developmentKey(b.key, b.cert); err != nil {
				return err
			}
		}
	}
	if b.keyring == "" {
		b.keyring = b.cert
	}
	return nil
}

// developmentKey makes a key and a certificate that it signs itself, as RAUC takes them.
func developmentKey(keyFile, certFile string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "railgate development"},
		NotBefore: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2049, 12, 31, 0, 0, 0, 0, time.UTC),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning, x509.ExtKeyUsageEmailProtection},
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := write(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600); err != nil {
		return err
	}
	return write(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}), 0o644)
}

// makeBundle makes what a gate in service is updated with: a slot's two partitions. The system is compressed already, so the bundle is not.
func (b *build) makeBundle() error {
	b.say("the bundle")
	dir := b.path("bundle")
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	hook, err := os.ReadFile(filepath.Join(b.configs, "bundle-hook"))
	if err != nil {
		return err
	}
	if err := errors.Join(write(filepath.Join(dir, "manifest.raucm"), []byte(b.manifest()), 0o644), write(filepath.Join(dir, "hook"), hook, 0o755)); err != nil {
		return err
	}
	for name, from := range map[string]string{"root.squashfs": b.squashFile(), "boot.vfat": b.path("boot.vfat")} {
		if err := os.Link(from, filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	part := b.bundleFile() + ".part"
	for _, old := range []string{part, b.bundleFile()} {
		if err := os.Remove(old); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := b.run(nil, "rauc", "bundle", "--cert="+b.cert, "--key="+b.key, "--keyring="+b.keyring, "--mksquashfs-args=-comp lz4", dir, part); err != nil {
		return err
	}
	return os.Rename(part, b.bundleFile())
}

// manifest is what RAUC reads of the bundle.
func (b *build) manifest() string {
	return fmt.Sprintf(`[update]
compatible=railgate-%s
version=%s
build=%d

[bundle]
format=verity

[hooks]
filename=hook

[image.rootfs]
filename=root.squashfs

[image.bootfs]
filename=boot.vfat
hooks=post-install
`, b.name, b.version, b.epoch.Unix())
}
