//go:build linux

package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// The images that the node has. The sandbox of each pod runs the second one, which only waits.
var images = []struct {
	name       string
	entrypoint []string
}{
	{"localhost/busybox:1", nil},
	{"localhost/busybox:pause", []string{"/bin/sleep", "2147483647"}},
}

func image(args []string) error {
	if len(args) != 2 {
		return errors.New("usage: node image BUSYBOX OUT")
	}
	return writeImages(args[0], args[1])
}

// Writes the images as `docker save` does, which is what containerd imports. They share one layer: busybox, and a
// symbolic link for each of its commands.
func writeImages(busybox, out string) error {
	layer, err := makeLayer(busybox)
	if err != nil {
		return err
	}
	type manifest struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
	archive := newArchive()
	archive.file("layer.tar", 0o644, layer)
	var manifests []manifest
	for _, image := range images {
		config, err := json.Marshal(map[string]any{
			"architecture": runtime.GOARCH,
			"os":           "linux",
			"config":       map[string]any{"Env": []string{"PATH=/bin"}, "Entrypoint": image.entrypoint},
			"rootfs":       map[string]any{"type": "layers", "diff_ids": []string{fmt.Sprintf("sha256:%x", sha256.Sum256(layer))}},
		})
		if err != nil {
			return err
		}
		name := fmt.Sprintf("%x.json", sha256.Sum256(config))
		archive.file(name, 0o644, config)
		manifests = append(manifests, manifest{name, []string{image.name}, []string{"layer.tar"}})
	}
	index, err := json.Marshal(manifests)
	if err != nil {
		return err
	}
	archive.file("manifest.json", 0o644, index)
	content, err := archive.close()
	if err != nil {
		return err
	}
	return os.WriteFile(out, content, 0o600)
}

func makeLayer(busybox string) ([]byte, error) {
	program, err := elf.Open(busybox)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", busybox, err)
	}
	defer program.Close()
	for _, segment := range program.Progs {
		if segment.Type == elf.PT_INTERP {
			return nil, fmt.Errorf("%s is not static, so it cannot run alone in an image: install busybox-static", busybox)
		}
	}
	content, err := os.ReadFile(busybox)
	if err != nil {
		return nil, err
	}
	commands, err := exec.Command(busybox, "--list").Output()
	if err != nil {
		return nil, fmt.Errorf("%s --list: %w", busybox, err)
	}

	layer := newArchive()
	for _, name := range []string{"bin", "dev", "etc", "proc", "root", "sys", "var"} {
		layer.add(&tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: 0o755}, nil)
	}
	layer.add(&tar.Header{Typeflag: tar.TypeDir, Name: "tmp/", Mode: 0o1777}, nil)
	layer.file("etc/passwd", 0o644, []byte("root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"))
	layer.file("etc/group", 0o644, []byte("root:x:0:\nnobody:x:65534:\n"))
	layer.file("bin/busybox", 0o755, content)
	for _, command := range strings.Fields(string(commands)) {
		if command != "busybox" {
			layer.add(&tar.Header{Typeflag: tar.TypeSymlink, Name: "bin/" + command, Linkname: "busybox", Mode: 0o777}, nil)
		}
	}
	return layer.close()
}

// A tar in memory, which keeps the first error for the end.
type archive struct {
	buffer *bytes.Buffer
	writer *tar.Writer
	err    error
}

func newArchive() *archive {
	buffer := new(bytes.Buffer)
	return &archive{buffer: buffer, writer: tar.NewWriter(buffer)}
}

func (a *archive) add(header *tar.Header, content []byte) {
	if a.err == nil {
		a.err = a.writer.WriteHeader(header)
	}
	if a.err == nil {
		_, a.err = a.writer.Write(content)
	}
}

func (a *archive) file(name string, mode int64, content []byte) {
	a.add(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(content))}, content)
}

func (a *archive) close() ([]byte, error) {
	err := errors.Join(a.err, a.writer.Close())
	return a.buffer.Bytes(), err
}
