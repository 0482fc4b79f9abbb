package flash

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path"

	"github.com/diskfs/go-diskfs/backend/file"
	"github.com/diskfs/go-diskfs/filesystem/fat32"
)

// Put writes a file into Folder of a written image's boot partition, and reads it back.
func (t *Target) Put(img *Image, name string, data []byte) error {
	f, ok := t.device.(disk)
	if !ok {
		return errors.New("no disk")
	}
	if err := t.put(f.File, img, path.Join(Folder, name), data); err != nil {
		return fmt.Errorf("writing %s into the disk's partition %s: %w", name, BootPartition, err)
	}
	if err := t.Sync(); err != nil {
		return t.gone(0, err)
	}
	return t.forget()
}

func (t *Target) put(f *os.File, img *Image, name string, data []byte) error {
	boot, err := fat32.Read(file.New(f, false), int64(img.boot.Size), int64(img.boot.Start)*512, 512)
	if err != nil {
		return err
	}
	if err := boot.Mkdir(Folder); err != nil { // none where it is there
		return err
	}
	out, err := boot.OpenFile(name, os.O_CREATE|os.O_RDWR|os.O_TRUNC)
	if err != nil {
		return err
	}
	if _, err := out.Write(data); err != nil {
		return err
	}
	if err := out.Close(); err != nil {
		return err
	}
	return readBack(f, img, name, data)
}

func readBack(f *os.File, img *Image, name string, data []byte) error {
	boot, err := fat32.Read(file.New(f, true), int64(img.boot.Size), int64(img.boot.Start)*512, 512)
	if err != nil {
		return err
	}
	in, err := boot.OpenFile(name, os.O_RDONLY)
	if err != nil {
		return err
	}
	defer in.Close()
	got, err := io.ReadAll(in)
	if err == nil && !bytes.Equal(got, data) {
		err = errors.New("it is different when read back")
	}
	return err
}
