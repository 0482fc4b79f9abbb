package main

import (
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

//go:embed peers
var drivers embed.FS

// An engine is one reader in one dress.
type engine struct {
	name    string
	family  string   // those whose agreement proves nothing have one
	command []string // what serves as peers/peer.h says
}

// A builder makes the peers' drivers from the sources embedded here.
type builder struct {
	dir   string // for what is built
	zxing string // sources of zxing-cpp; "" if not at hand
	quirc string // sources of quirc
	// models are the folder of WeChat's public models; "" if not at hand.
	models []string
}

// engines are all that can be run here, in the order of the table; missing says in a
// line each which cannot and why.
func engines(b *builder, wanted func(name string) bool) (all []engine, missing []string, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	if err := b.unpack(); err != nil {
		return nil, nil, err
	}
	for _, name := range goEngines() {
		if wanted(name) {
			all = append(all, engine{name, "go", []string{self, "read", name}})
		}
	}
	for _, p := range b.peers() {
		if !wanted(p.name) {
			continue
		}
		program, err := p.build()
		if err != nil {
			missing = append(missing, fmt.Sprintf("%s: left out: %v", p.name, err))
			continue
		}
		all = append(all, engine{p.name, p.family, append([]string{program}, p.args...)})
	}
	return all, missing, nil
}

// A peer is a reader of others, whose driver is to be built.
type peer struct {
	name, family string
	args         []string
	build        func() (program string, err error)
}

func (b *builder) peers() []peer {
	return []peer{
		{"zbar", "zbar", nil, b.zbar},
		{"quirc", "quirc", nil, b.buildQuirc},
		{"zxing-1.4", "zxing", nil, b.zxing14},
		{"zxing-min", "zxing", []string{"min"}, b.buildZXing},
		{"zxing", "zxing", []string{"defaults"}, b.buildZXing},
		{"zxing-all", "zxing", []string{"all"}, b.buildZXing},
		{"wechat", "wechat", b.models, b.wechat},
	}
}

// unpack writes the drivers' sources where compilers find them.
func (b *builder) unpack() error {
	files, err := drivers.ReadDir("peers")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(b.dir, 0o755); err != nil {
		return err
	}
	for _, f := range files {
		source, err := drivers.ReadFile("peers/" + f.Name())
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(b.dir, f.Name()), source, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) zbar() (string, error) {
	return b.compile("zbar", "install libzbar-dev", "cc", "zbar.c", "-lzbar")
}

func (b *builder) zxing14() (string, error) {
	return b.compile("zxing14", "install libzxing-dev 1.4, which Debian 12 has", "c++", "-std=c++17", "zxing14.cpp", "-lZXing")
}

// wechat is OpenCV's reader by neural networks, with its four models: detect.prototxt,
// detect.caffemodel, sr.prototxt, sr.caffemodel.
func (b *builder) wechat() (string, error) {
	if len(b.models) == 0 {
		return "", errors.New("name the folder of its models with --wechat or WECHAT_MODELS")
	}
	return b.compile("wechat", "install libopencv-contrib-dev", "c++", "-std=c++17", "-I/usr/include/opencv4", "wechat.cpp",
		"-lopencv_wechat_qrcode", "-lopencv_imgproc", "-lopencv_core")
}

func (b *builder) buildQuirc() (string, error) {
	if b.quirc == "" {
		return "", errors.New("name the folder of its sources with --quirc or QUIRC_SRC")
	}
	lib := filepath.Join(b.quirc, "lib")
	args := []string{"-I" + lib, "quirc.c"}
	for _, name := range []string{"decode.c", "identify.c", "quirc.c", "version_db.c"} {
		args = append(args, filepath.Join(lib, name))
	}
	return b.compile("quirc", "are its sources in "+lib+"?", "cc", append(args, "-lm")...)
}

// buildZXing builds the library with cmake, in a folder of its own for each folder of
// sources.
func (b *builder) buildZXing() (string, error) {
	if b.zxing == "" {
		return "", errors.New("name the folder of its sources with --zxing or ZXING_SRC")
	}
	made := filepath.Join(b.dir, fmt.Sprintf("zxing-cpp-%.8x", sha256.Sum256([]byte(b.zxing))))
	configure := []string{"-S", b.zxing, "-B", made, "-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_CXX_FLAGS_RELEASE=-O3 -DNDEBUG", "-DCMAKE_CXX_FLAGS=-DZXING_EXPERIMENTAL_API", "-DBUILD_SHARED_LIBS=OFF"}
	for _, off := range []string{"WRITERS", "EXAMPLES", "C_API", "UNIT_TESTS", "BLACKBOX_TESTS"} {
		configure = append(configure, "-DZXING_"+off+"=OFF")
	}
	if err := b.run("cmake", configure...); err != nil {
		return "", err
	}
	if err := b.run("cmake", "--build", made, "--parallel", strconv.Itoa(runtime.NumCPU())); err != nil {
		return "", err
	}
	return b.compile("zxing", "is "+b.zxing+" zxing-cpp 2 or newer?", "c++", "-std=c++20",
		"-I"+filepath.Join(b.zxing, "core", "src"), "-I"+filepath.Join(made, "core"), "zxing.cpp", filepath.Join(made, "core", "libZXing.a"))
}

// compile makes a program; hint says what to do if that fails.
func (b *builder) compile(program, hint, compiler string, args ...string) (string, error) {
	program = filepath.Join(b.dir, program)
	if err := b.run(compiler, append([]string{"-O3", "-w", "-o", program}, args...)...); err != nil {
		return "", fmt.Errorf("%w (%s)", err, hint)
	}
	return program, nil
}

// run runs a tool in the builder's folder; its error is the first line that complains.
func (b *builder) run(tool string, args ...string) error {
	cmd := exec.Command(tool, args...)
	cmd.Dir = b.dir
	out, err := cmd.CombinedOutput()
	if err == nil {
		return nil
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(strings.ToLower(line), "error") {
			return fmt.Errorf("%s: %s", tool, strings.TrimSpace(line))
		}
	}
	return fmt.Errorf("%s: %w", tool, err)
}
