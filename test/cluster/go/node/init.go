//go:build linux

package main

import (
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const containerdSocket = "/run/containerd/containerd.sock"

// The first process of the node: prepares what it sees, then runs containerd and the kubelet until one of them ends.
func initialize(args []string) error {
	flags := flag.NewFlagSet("init", flag.ContinueOnError)
	entered := flags.Bool("entered", false, "whether this process has its cgroup namespace")
	hostAddress := flags.String("host-address", "", "")
	nodeAddress := flags.String("node-address", "", "")
	apiServerService := flags.String("api-server-service", "", "")
	files := flags.String("files", "", "")
	kube := flags.String("kube", "", "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if !*entered {
		return enterCgroups(args)
	}

	if err := syscall.Sethostname([]byte("node")); err != nil {
		return err
	}
	if err := prepareNetwork(*nodeAddress, *hostAddress, *apiServerService); err != nil {
		return err
	}
	// Read before the machine's cgroups are out of sight.
	cgroups, err := hierarchies()
	if err != nil {
		return err
	}
	for _, h := range cgroups {
		if own := ownCgroup(h); own != "/" {
			return fmt.Errorf("the cgroup %s is not the root of the node", own)
		}
	}
	if err := prepareRoot(*files, *kube, cgroups); err != nil {
		return err
	}

	containerd, err := start("/node/containerd.log", "containerd", "--config=/node/containerd.toml")
	if err != nil {
		return err
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if connection, err := net.Dial("unix", containerdSocket); err == nil {
			_ = connection.Close()
			break
		}
		if pid, _ := syscall.Wait4(containerd, nil, syscall.WNOHANG, nil); pid == containerd || time.Now().After(deadline) {
			log, _ := os.ReadFile("/node/containerd.log")
			return fmt.Errorf("containerd does not start:\n%s", log)
		}
	}
	if output, err := exec.Command("ctr", "--namespace=k8s.io", "images", "import", "/node/images.tar").CombinedOutput(); err != nil {
		return fmt.Errorf("ctr images import: %w: %s", err, output)
	}
	kubelet, err := start("", "/node/kubelet", "--config=/node/kubelet.yaml", "--kubeconfig=/node/kubelet.kubeconfig",
		"--hostname-override=node", "--node-ip="+address(*nodeAddress))
	if err != nil {
		return err
	}

	// The first process also gets the orphans of all others, and is to wait for them.
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case err != nil && !errors.Is(err, syscall.EINTR):
			return err
		case pid == containerd:
			return fmt.Errorf("containerd ended with %d, see its log", status.ExitStatus())
		case pid == kubelet:
			return fmt.Errorf("the kubelet ended with %d", status.ExitStatus())
		}
	}
}

// Waits until this process is in its cgroups, and has them be the root of what it sees. Only a thread can enter a
// namespace of this kind; the exec then makes it the one of the process.
func enterCgroups(args []string) error {
	runtime.LockOSThread()
	if _, err := os.Stdin.Read(make([]byte, 1)); err != nil {
		return fmt.Errorf("the parent ended: %w", err)
	}
	if err := unix.Unshare(unix.CLONE_NEWCGROUP); err != nil {
		return fmt.Errorf("unshare: %w", err)
	}
	return syscall.Exec("/proc/self/exe", append([]string{"node", "init", "--entered"}, args...), os.Environ())
}

// One network segment for the machine, the node and its pods, so that each can reach the others without any routing.
func prepareNetwork(nodeAddress, hostAddress, apiServerService string) error {
	service, _, err := net.SplitHostPort(apiServerService)
	if err != nil {
		return err
	}
	return errors.Join(
		ip("link", "set", "lo", "up"),
		ip("address", "add", service+"/32", "dev", "lo"),
		// Without an address of its own a bridge takes the least of its ports': a new pod could change it, and then whoever
		// knows the old one does not reach the node for half a minute.
		ip("link", "add", "pods", "address", "02:00:00:00:00:01", "type", "bridge"),
		ip("address", "add", nodeAddress, "dev", "pods"),
		ip("link", "set", "pods", "up"),
		ip("link", "set", "uplink", "master", "pods", "up"),
		ip("route", "add", "default", "via", address(hostAddress)),
	)
}

func address(withPrefix string) string {
	address, _, _ := strings.Cut(withPrefix, "/")
	return address
}

// Gives the node a root folder of its own, with the machine's programs and settings, but with its own state: all that
// containerd, runc, the CNI plugins and the kubelet keep is in /run and /var, wherever they want it to be.
func prepareRoot(files, kube string, cgroups []hierarchy) error {
	// What is unmounted on the machine must not stay mounted here; what is mounted here must not show on the machine.
	if err := mount("", "/", "", syscall.MS_REC|syscall.MS_SLAVE, ""); err != nil {
		return err
	}
	root := filepath.Join(filepath.Dir(files), "root")
	state := filepath.Join(filepath.Dir(files), "var")
	if err := errors.Join(os.Mkdir(root, 0o755), os.Mkdir(state, 0o755)); err != nil {
		return err
	}
	if err := mount("tmpfs", root, "tmpfs", 0, "mode=755"); err != nil {
		return err
	}
	entries, err := os.ReadDir("/")
	if err != nil {
		return err
	}
	own := map[string]bool{"node": true, "proc": true, "run": true, "sys": true, "tmp": true, "var": true}
	for _, entry := range entries {
		source, target := "/"+entry.Name(), filepath.Join(root, entry.Name())
		switch {
		case own[entry.Name()]:
		case entry.Type()&os.ModeSymlink != 0:
			link, err := os.Readlink(source)
			if err != nil {
				return err
			}
			if err := os.Symlink(link, target); err != nil {
				return err
			}
		case entry.IsDir():
			if err := bind(source, target); err != nil {
				return err
			}
		}
	}
	for name := range own {
		if err := os.Mkdir(filepath.Join(root, name), 0o755); err != nil {
			return err
		}
	}
	program := filepath.Join(files, "kubelet")
	if err := os.WriteFile(program, nil, 0o755); err != nil {
		return err
	}
	if err := errors.Join(
		mount(kube, program, "", syscall.MS_BIND, ""),
		mount(files, filepath.Join(root, "node"), "", syscall.MS_BIND|syscall.MS_REC, ""),
		mount(state, filepath.Join(root, "var"), "", syscall.MS_BIND, ""),
		mount("proc", filepath.Join(root, "proc"), "proc", 0, ""),
		mount("sysfs", filepath.Join(root, "sys"), "sysfs", 0, ""),
		mount("tmpfs", filepath.Join(root, "run"), "tmpfs", 0, "mode=755"),
		mount("tmpfs", filepath.Join(root, "tmp"), "tmpfs", 0, "mode=1777"),
	); err != nil {
		return err
	}
	for _, folder := range []string{"var/lib", "var/log", "var/tmp"} {
		if err := os.Mkdir(filepath.Join(root, folder), 0o755); err != nil {
			return err
		}
	}
	if err := os.Symlink("/run", filepath.Join(root, "var/run")); err != nil {
		return err
	}
	if err := mountCgroups(root, cgroups); err != nil {
		return err
	}

	if err := os.Chdir(root); err != nil {
		return err
	}
	if err := syscall.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("pivot_root: %w", err)
	}
	if err := syscall.Unmount(".", syscall.MNT_DETACH); err != nil {
		return fmt.Errorf("umount: %w", err)
	}
	if err := os.Chdir("/"); err != nil {
		return err
	}
	// The kubelet's mounts are to show in containers that ask for that.
	return mount("", "/", "", syscall.MS_REC|syscall.MS_SHARED, "")
}

// Mounts the cgroups anew: then they show only the node's own.
func mountCgroups(root string, cgroups []hierarchy) error {
	folder := filepath.Join(root, cgroupRoot)
	if slices.Contains(cgroups, hierarchy{mount: cgroupRoot}) {
		if err := mount("cgroup2", folder, "cgroup2", 0, ""); err != nil {
			return err
		}
		// A cgroup with a process in it cannot have children that are limited, so this process moves down.
		leaf := filepath.Join(folder, "init")
		if err := os.Mkdir(leaf, 0o755); err != nil {
			return err
		}
		if err := joinCgroups([]string{leaf}, os.Getpid()); err != nil {
			return err
		}
		enableControllers(folder)
		return nil
	}
	if err := mount("tmpfs", folder, "tmpfs", 0, "mode=755"); err != nil {
		return err
	}
	for _, h := range cgroups {
		// A hierarchy of version 2 beside those of version 1 has no controllers.
		if h.controllers != "" {
			target := filepath.Join(root, h.mount)
			if err := errors.Join(os.Mkdir(target, 0o755), mount("cgroup", target, "cgroup", 0, h.controllers)); err != nil {
				return err
			}
		}
	}
	return nil
}

func bind(source, target string) error {
	if err := os.Mkdir(target, 0o755); err != nil {
		return err
	}
	return mount(source, target, "", syscall.MS_BIND|syscall.MS_REC, "")
}

func mount(source, target, kind string, flags uintptr, data string) error {
	if err := syscall.Mount(source, target, kind, flags, data); err != nil {
		return fmt.Errorf("mount %s at %s: %w", source, target, err)
	}
	return nil
}

// Starts a program, whose log goes to a file, or to where this one's goes.
func start(log, name string, args ...string) (int, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return 0, err
	}
	output := os.Stderr
	if log != "" {
		if output, err = os.Create(log); err != nil {
			return 0, err
		}
		defer output.Close()
	}
	none, err := os.Open(os.DevNull)
	if err != nil {
		return 0, err
	}
	defer none.Close()
	process, err := os.StartProcess(path, append([]string{name}, args...), &os.ProcAttr{
		Dir:   "/",
		Env:   os.Environ(),
		Files: []*os.File{none, output, output},
	})
	if err != nil {
		return 0, err
	}
	pid := process.Pid
	return pid, process.Release()
}
