//go:build linux

package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A place where cgroups are mounted: one for each controller (version 1), or one for all of them (version 2).
type hierarchy struct {
	mount       string
	controllers string // as the mount option says it: "cpu,cpuacct"; empty for version 2
}

const cgroupRoot = "/sys/fs/cgroup"

func hierarchies() ([]hierarchy, error) {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return nil, err
	}
	var found []hierarchy
	for line := range strings.Lines(string(mounts)) {
		fields := strings.Fields(line)
		if len(fields) < 4 || !strings.HasPrefix(fields[1], cgroupRoot) {
			continue
		}
		var added hierarchy
		switch fields[2] {
		case "cgroup2":
			added = hierarchy{mount: fields[1]}
		case "cgroup":
			generic := []string{"rw", "ro", "relatime", "noatime", "nosuid", "nodev", "noexec", "xattr", "clone_children"}
			controllers := slices.DeleteFunc(strings.Split(fields[3], ","), func(option string) bool {
				return slices.Contains(generic, option) || strings.HasPrefix(option, "release_agent=")
			})
			added = hierarchy{mount: fields[1], controllers: strings.Join(controllers, ",")}
		default:
			continue
		}
		if !slices.Contains(found, added) {
			found = append(found, added)
		}
	}
	if len(found) == 0 {
		return nil, errors.New("no cgroups are mounted at " + cgroupRoot)
	}
	return found, nil
}

// The cgroup of this process in a hierarchy, as a path in it.
func ownCgroup(h hierarchy) string {
	content, _ := os.ReadFile("/proc/self/cgroup")
	for line := range strings.Lines(string(content)) {
		if parts := strings.SplitN(strings.TrimSpace(line), ":", 3); len(parts) == 3 && parts[1] == h.controllers {
			return parts[2]
		}
	}
	return "/"
}

// Makes a cgroup of this name in each hierarchy, and gives their folders.
func makeCgroups(name string) ([]string, error) {
	all, err := hierarchies()
	if err != nil {
		return nil, err
	}
	var made []string
	for _, h := range all {
		parent := h.mount
		// In version 1 the node stays below this process, whose limits then hold for it too. In version 2 a cgroup
		// with a process in it cannot have children that are limited.
		if h.controllers != "" {
			parent = filepath.Join(h.mount, ownCgroup(h))
			if _, err := os.Stat(parent); err != nil {
				parent = h.mount
			}
		} else if parent == cgroupRoot {
			enableControllers(parent)
		}
		folder := filepath.Join(parent, name)
		if err := os.Mkdir(folder, 0o755); err != nil {
			removeCgroups(made)
			return nil, err
		}
		made = append(made, folder)
		// A process cannot join a cpuset of version 1 before these are set.
		for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
			if value, err := os.ReadFile(filepath.Join(parent, file)); err == nil && h.controllers != "" {
				if err := os.WriteFile(filepath.Join(folder, file), value, 0o644); err != nil {
					removeCgroups(made)
					return nil, err
				}
			}
		}
	}
	return made, nil
}

func joinCgroups(folders []string, pid int) error {
	for _, folder := range folders {
		if err := os.WriteFile(filepath.Join(folder, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Lets the children of a cgroup of version 2 have whatever it has itself. That may fail for some, which containers
// then do without.
func enableControllers(folder string) {
	controllers, _ := os.ReadFile(filepath.Join(folder, "cgroup.controllers"))
	for _, controller := range strings.Fields(string(controllers)) {
		_ = os.WriteFile(filepath.Join(folder, "cgroup.subtree_control"), []byte("+"+controller), 0o644)
	}
}

// Removes cgroups with all that is in them. A process that ended just now may still count as in there for a moment.
func removeCgroups(folders []string) {
	for _, folder := range folders {
		var below []string
		_ = filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && entry.IsDir() {
				below = append(below, path)
			}
			return nil
		})
		slices.Reverse(below)
		for _, path := range below {
			for range 500 {
				if err := syscall.Rmdir(path); !errors.Is(err, syscall.EBUSY) {
					break
				}
				time.Sleep(10 * time.Millisecond)
			}
		}
	}
}
