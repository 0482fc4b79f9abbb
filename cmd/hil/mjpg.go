package main

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"time"

	"golang.org/x/sys/unix"
)

// A camera of JPEGs is v4l2loopback, one node for both sides: what is written to it is what it sees.

// showJPEG sends a code's picture as JPEGs, thirty a second, for as long as it runs.
func showJPEG(kind, text string) error {
	frames, err := jpegs(kind, text)
	if err != nil {
		return err
	}
	// Not os.OpenFile: a poll of this descriptor would be a reader's.
	fd, err := unix.Open(cameraPath, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("%s: %w", cameraPath, err)
	}
	f := vidFormat{kind: kindOutput, width: frameWidth, height: frameHeight, fourcc: fourcc("MJPG"), field: fieldNone}
	if err := ioctl(fd, vidSetFormat, &f); err != nil {
		return err
	}
	if f.fourcc != fourcc("MJPG") {
		return fmt.Errorf("the output takes format %#x; want MJPG", f.fourcc)
	}
	for i := 0; ; i++ {
		frame := frames[i%len(frames)]
		if n, err := unix.Write(fd, frame); err != nil {
			return fmt.Errorf("%s: %w", cameraPath, err)
		} else if n != len(frame) {
			return fmt.Errorf("%s took %d bytes of a frame of %d", cameraPath, n, len(frame))
		}
		if i == 0 {
			fmt.Println("showing")
		}
		time.Sleep(time.Second / 30)
	}
}

// jpegs are the frames that are sent in turn: whole ones, or what a camera sends whose cable is bad. Of "damaged",
// the last is whole, before it one is cut behind, one before, and there are nothing, zeros, a header alone.
func jpegs(kind, text string) ([][]byte, error) {
	luma, err := drawn(text)
	if err != nil {
		return nil, err
	}
	whole, err := photo(luma, frameWidth, frameHeight)
	if err != nil {
		return nil, err
	}
	switch kind {
	case "":
		return [][]byte{whole}, nil
	case "bare":
		frame, err := bare(whole)
		return [][]byte{frame}, err
	case "damaged":
		half := len(whole) / 2
		return [][]byte{whole[:half], whole[half:], {}, make([]byte, len(whole)), whole[:20], holed(whole), whole}, nil
	case "ruined":
		return ruined(whole)
	}
	return nil, fmt.Errorf("no kind of MJPG: %q", kind)
}

// photo is a picture as a JPEG of 4:2:0, as many cameras send it. What is behind the code is not quite grey.
func photo(luma []byte, width, height int) ([]byte, error) {
	img := image.NewYCbCr(image.Rect(0, 0, width, height), image.YCbCrSubsampleRatio420)
	copy(img.Y, luma)
	for i := range img.Cb {
		x, y := i%img.CStride, i/img.CStride
		img.Cb[i], img.Cr[i] = byte(112+x*32/img.CStride), byte(112+y*64/height)
	}
	var b bytes.Buffer
	err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 80})
	return b.Bytes(), err
}

// bare takes the Huffman tables out of a JPEG, as many cameras do. The library's are those of T.81, annex K,
// which stand for none.
func bare(whole []byte) ([]byte, error) {
	at := bytes.Index(whole, []byte{0xff, 0xc4})
	if at < 0 || at+4 > len(whole) {
		return nil, errors.New("the JPEG has no Huffman tables to take out")
	}
	length := 2 + int(whole[at+2])<<8 + int(whole[at+3])
	return append(bytes.Clone(whole[:at]), whole[at+length:]...), nil
}

// holed has zeros where an eighth of the picture was, which a decoder may not notice.
func holed(whole []byte) []byte {
	frame := bytes.Clone(whole)
	clear(frame[len(frame)/2:][:len(frame)/8])
	return frame
}

// ruined are frames of which none is a picture, whatever stands behind it: each time somebody asks for buffers,
// v4l2loopback 0.12 takes the frames that it has for as long as their buffers, and half a JPEG with zeros behind
// it is one of a code's upper half.
func ruined(whole []byte) ([][]byte, error) {
	small, err := photo(bytes.Repeat([]byte{128}, 16*16), 16, 16)
	return [][]byte{whole[len(whole)/2:], {}, make([]byte, len(whole)), small}, err
}
