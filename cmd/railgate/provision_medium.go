package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"railgate/cmd/control"
	"railgate/store/durable"
)

// This file is about a stick, and the image's own partition: provision/railgate.provision on it. A
// stick is read without being mounted, so that nobody's file system reaches the kernel of a gate.

// The files of a medium. Settings are nobody's word: they are taken from a folder that a
// technician names, or from the gate's own disk, never from whatever is plugged in.
const (
	mediumCode     = "provision/railgate.provision"
	mediumSettings = "provision/railgated.toml"
)

// fromMedium takes what is on a medium. With ifThere one that has nothing, or a gate that does not wait, is
// no error: units call this for whatever is plugged in. A person wanted something.
func (p *provisioning) fromMedium(c *cobra.Command, client *control.Client) error {
	s, err := client.Status(c.Context())
	if err != nil {
		return err
	}
	if s.Provision == nil || !s.Provision.Waiting {
		return p.nothing(c, "the gate is set up already: nothing was changed; railgate provision --reset takes that back")
	}
	name, data, err := p.medium()
	if err != nil {
		return err
	}
	if data == nil {
		return p.nothing(c, p.missing())
	}
	return p.send(c, client, name, data)
}

// nothing is the end where nothing was to be done.
func (p *provisioning) nothing(c *cobra.Command, why string) error {
	if !p.ifThere {
		return errors.New(why)
	}
	_, err := fmt.Fprintln(c.OutOrStdout(), why)
	return err
}

// missing says which file a medium does not have.
func (p *provisioning) missing() string {
	if p.device != "" {
		return fmt.Sprintf("there is no file %s on %s: nothing was changed", mediumCode, p.device)
	}
	if _, err := os.Stat(p.from); err != nil {
		return fmt.Sprintf("there is no folder %s; is the stick mounted? Nothing was changed", p.from)
	}
	return fmt.Sprintf("there is no file %s: nothing was changed", filepath.Join(p.from, mediumCode))
}

// medium reads the file; nil: there is none.
func (p *provisioning) medium() (name string, data []byte, err error) {
	if p.device != "" {
		data, err = readFAT(p.device, mediumCode)
		return p.device + ": " + mediumCode, data, err
	}
	for _, file := range []string{mediumCode, mediumSettings} {
		name = filepath.Join(p.from, file)
		data, err = durable.ReadFile(name, maxProvisionFile)
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return name, data, err
		}
	}
	return "", nil, nil
}

// readFAT reads a file of a FAT32 device; nil: there is none. What is damaged is an error.
func readFAT(device, name string) (data []byte, err error) {
	f, err := os.Open(device)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	volume, err := openFAT(f)
	if err != nil {
		return nil, fmt.Errorf("%s is not FAT32: %w; make a stick with FAT32, or mount it and use --from", device, err)
	}
	if data, err = volume.read(name, maxProvisionFile); err != nil {
		return nil, fmt.Errorf("%s: %w", device, err)
	}
	return data, nil
}
