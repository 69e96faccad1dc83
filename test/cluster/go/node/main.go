//go:build linux

// A Kubernetes node in namespaces of its own: containerd and a kubelet that see the machine's programs, but not its
// processes, network or mounts. The kernel takes all of it down with the first process of the PID namespace, which ends
// with this program, whatever that dies of. Only cgroups stay, empty, and these it removes itself.
//
//	node image BUSYBOX OUT       writes the node's image, from a static busybox, as a tar that containerd imports
//	node run --files=… …         runs a node until it is told to end, or its standard input ends
//	node init                    what `run` starts as the first process of the node
package main

import (
	"fmt"
	"os"
)

func main() {
	programs := map[string]func([]string) error{"image": image, "run": run, "init": initialize}
	if len(os.Args) < 2 || programs[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: node image|run|init [argument…]")
		os.Exit(2)
	}
	if err := programs[os.Args[1]](os.Args[2:]); err != nil {
		fmt.Fprintf(os.Stderr, "node %s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}
