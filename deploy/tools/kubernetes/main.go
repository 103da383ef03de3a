// Every component of a Kubernetes cluster, as one program.
//
// It is the component that it is called as. Most of each is code that all of
// them share, so that one program links once and needs a fifth of the room.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	// Zones of time, for CronJobs, because a machine for tests may have none.
	_ "time/tzdata"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

var components = map[string]func() *cobra.Command{
	"kube-apiserver":          apiserver.NewAPIServerCommand,
	"kube-controller-manager": controllers.NewControllerManagerCommand,
	"kube-scheduler":          func() *cobra.Command { return scheduler.NewSchedulerCommand() },
	"kube-proxy":              proxy.NewProxyCommand,
	"kubelet":                 func() *cobra.Command { return kubelet.NewKubeletCommand(context.Background()) },
}

func main() {
	component, found := components[filepath.Base(os.Args[0])]
	if !found {
		fmt.Fprintf(os.Stderr, "%s is no component: call it as kubelet, kube-proxy, kube-apiserver, kube-scheduler or kube-controller-manager\n", os.Args[0])
		os.Exit(2)
	}
	os.Exit(cli.Run(component()))
}
