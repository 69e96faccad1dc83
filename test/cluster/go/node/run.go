//go:build linux

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Runs a node from the outside: what it does needs the machine's own namespaces.
func run(args []string) error {
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	name := flags.String("name", "", "the name of the node's cgroups")
	link := flags.String("link", "", "the name of the machine's network interface to the node")
	hostAddress := flags.String("host-address", "", "the address of the machine for the node, with the length of the prefix")
	nodeAddress := flags.String("node-address", "", "the address of the node, with the length of the prefix")
	apiServer := flags.String("api-server", "", "the address of the API server on the machine, which the node can reach at the same one")
	apiServerService := flags.String("api-server-service", "", "where pods reach the API server")
	files := flags.String("files", "", "the folder that the node sees as /node: with containerd.toml and kubelet.yaml, for example")
	busybox := flags.String("busybox", "", "a static busybox")
	kube := flags.String("kube", "", "the binary of the kubelet")
	if err := flags.Parse(args); err != nil {
		return err
	}

	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	orphaned := make(chan struct{})
	go func() {
		// The parent holds the other end and never writes to it: this ends when the parent dies, whatever it dies of.
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(orphaned)
	}()
	// The cluster's other programs remove the folder as well, but nothing is written to it after this.
	defer func() {
		select {
		case <-orphaned:
			if folder := os.Getenv("KUBE_SANDBOX"); folder != "" {
				_ = os.RemoveAll(folder)
			}
		default:
		}
	}()

	if err := writeImages(*busybox, filepath.Join(*files, "images.tar")); err != nil {
		return err
	}
	cgroups, err := makeCgroups(*name)
	if err != nil {
		return err
	}
	defer removeCgroups(cgroups)

	// The kernel sends the child its death signal when the thread that started it ends.
	runtime.LockOSThread()
	child := exec.Command("/proc/self/exe", "init", "--node-address="+*nodeAddress, "--host-address="+*hostAddress,
		"--api-server-service="+*apiServerService, "--files="+*files, "--kube="+*kube)
	child.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"}
	child.Stdout, child.Stderr = os.Stdout, os.Stderr
	child.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC,
		Setsid:     true,
		Pdeathsig:  syscall.SIGKILL,
	}
	ready, err := child.StdinPipe()
	if err != nil {
		return err
	}
	if err := child.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- child.Wait() }()
	// Nothing of the node is left once its first process was waited for: the kernel ends the others before.
	kill := func() {
		_ = child.Process.Kill()
		<-ended
		// The kernel does this too, but later.
		_ = ip("link", "delete", *link)
	}

	err = func() error {
		if err := joinCgroups(cgroups, child.Process.Pid); err != nil {
			return err
		}
		pid := fmt.Sprint(child.Process.Pid)
		if err := errors.Join(
			ip("link", "add", *link, "type", "veth", "peer", "name", "uplink", "netns", pid),
			ip("address", "add", *hostAddress, "dev", *link),
			ip("link", "set", *link, "up"),
		); err != nil {
			return err
		}
		_, err := ready.Write([]byte("\n"))
		return err
	}()
	if err != nil {
		kill()
		return err
	}
	for _, address := range []string{*apiServer, *apiServerService} {
		listener, err := listenIn(child.Process.Pid, address)
		if err != nil {
			kill()
			return err
		}
		go forward(listener, *apiServer)
	}

	select {
	case err := <-ended:
		ended <- err
		kill()
		return fmt.Errorf("the node ended: %w", err)
	case <-stop:
	case <-orphaned:
	}
	kill()
	return nil
}

func ip(args ...string) error {
	if output, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(output)))
	}
	return nil
}

// Listens in the network namespace of a process. The address need not be there yet.
func listenIn(pid int, address string) (net.Listener, error) {
	type result struct {
		listener net.Listener
		err      error
	}
	results := make(chan result)
	go func() {
		// A thread that is never unlocked ends with its goroutine: nothing else runs in that namespace.
		runtime.LockOSThread()
		namespace, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
		if err != nil {
			results <- result{nil, err}
			return
		}
		defer namespace.Close()
		if err := unix.Setns(int(namespace.Fd()), unix.CLONE_NEWNET); err != nil {
			results <- result{nil, fmt.Errorf("setns: %w", err)}
			return
		}
		config := net.ListenConfig{Control: func(_, _ string, connection syscall.RawConn) error {
			var failed error
			if err := connection.Control(func(fd uintptr) {
				failed = unix.SetsockoptInt(int(fd), unix.SOL_IP, unix.IP_FREEBIND, 1)
			}); err != nil {
				return err
			}
			return failed
		}}
		listener, err := config.Listen(context.Background(), "tcp4", address)
		results <- result{listener, err}
	}()
	r := <-results
	return r.listener, r.err
}

func forward(listener net.Listener, address string) {
	for {
		from, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer from.Close()
			to, err := net.Dial("tcp4", address)
			if err != nil {
				return
			}
			defer to.Close()
			done := make(chan struct{}, 2)
			pipe := func(to, from net.Conn) {
				_, _ = io.Copy(to, from)
				if half, ok := to.(*net.TCPConn); ok {
					_ = half.CloseWrite()
				}
				done <- struct{}{}
			}
			go pipe(to, from)
			go pipe(from, to)
			<-done
			<-done
		}()
	}
}
