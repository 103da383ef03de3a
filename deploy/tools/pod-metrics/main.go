// A server of custom metrics: what Prometheus knows of pods, for the autoscaler.
//
// It answers for one gauge of Prometheus with the labels `namespace` and `pod`, and takes part in the API as the adapters
// of production do (`custom.metrics.k8s.io`). Those cannot be built everywhere from Go's module proxy.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"
	"k8s.io/metrics/pkg/apis/custom_metrics"

	"sigs.k8s.io/custom-metrics-apiserver/pkg/cmd"
	"sigs.k8s.io/custom-metrics-apiserver/pkg/provider"
	"sigs.k8s.io/custom-metrics-apiserver/pkg/provider/helpers"
)

// How long Prometheus may take.
const patience = 5 * time.Second

// gauge answers for one metric of pods.
type gauge struct {
	metric     string
	prometheus string
	// podsOf names the pods that a selector selects.
	podsOf func(namespace string, selector labels.Selector) ([]string, error)
}

var pods = schema.GroupResource{Resource: "pods"}

func (g *gauge) ListAllMetrics() []provider.CustomMetricInfo {
	return []provider.CustomMetricInfo{{GroupResource: pods, Namespaced: true, Metric: g.metric}}
}

func (g *gauge) GetMetricByName(ctx context.Context, name types.NamespacedName, info provider.CustomMetricInfo, _ labels.Selector) (*custom_metrics.MetricValue, error) {
	values, err := g.values(ctx, name.Namespace, []string{name.Name}, info)
	if err != nil {
		return nil, err
	}
	if len(values) == 0 {
		return nil, provider.NewMetricNotFoundForError(info.GroupResource, info.Metric, name.Name)
	}
	return &values[0], nil
}

func (g *gauge) GetMetricBySelector(ctx context.Context, namespace string, selector labels.Selector, info provider.CustomMetricInfo, _ labels.Selector) (*custom_metrics.MetricValueList, error) {
	names, err := g.podsOf(namespace, selector)
	if err != nil {
		return nil, err
	}
	values, err := g.values(ctx, namespace, names, info)
	return &custom_metrics.MetricValueList{Items: values}, err
}

// values asks Prometheus. A pod that it has not seen yet is not among them.
func (g *gauge) values(ctx context.Context, namespace string, names []string, info provider.CustomMetricInfo) ([]custom_metrics.MetricValue, error) {
	if info.Metric != g.metric || info.GroupResource != pods {
		return nil, provider.NewMetricNotFoundError(info.GroupResource, info.Metric)
	}
	// Names of pods have no character that means something in a pattern, but for the point.
	pattern := strings.ReplaceAll(strings.Join(names, "|"), ".", "[.]")
	query := fmt.Sprintf("%s{namespace=%q,pod=~%q}", g.metric, namespace, pattern)
	samples, err := ask(ctx, g.prometheus, query)
	if err != nil {
		return nil, err
	}
	values := make([]custom_metrics.MetricValue, 0, len(samples))
	for _, sample := range samples {
		values = append(values, custom_metrics.MetricValue{
			DescribedObject: custom_metrics.ObjectReference{
				APIVersion: "v1", Kind: "Pod", Namespace: namespace, Name: sample.pod,
			},
			Metric:    custom_metrics.MetricIdentifier{Name: g.metric},
			Timestamp: metav1.Time{Time: sample.at},
			Value:     *resource.NewMilliQuantity(int64(sample.value*1000), resource.DecimalSI),
		})
	}
	return values, nil
}

type sample struct {
	pod   string
	at    time.Time
	value float64
}

// ask takes an instant vector from Prometheus.
func ask(ctx context.Context, prometheus, query string) ([]sample, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	target := prometheus + "/api/v1/query?query=" + url.QueryEscape(query)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	var page struct {
		Error string `json:"error"`
		Data  struct {
			Result []struct {
				Metric map[string]string  `json:"metric"`
				Value  [2]json.RawMessage `json:"value"`
			} `json:"result"`
		} `json:"data"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&page); err != nil {
		return nil, err
	}
	if page.Error != "" {
		return nil, fmt.Errorf("prometheus refuses %s: %s", query, page.Error)
	}
	var samples []sample
	for _, found := range page.Data.Result {
		var seconds float64
		var text string
		if err := json.Unmarshal(found.Value[0], &seconds); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(found.Value[1], &text); err != nil {
			return nil, err
		}
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, err
		}
		at := time.UnixMilli(int64(seconds * 1000))
		samples = append(samples, sample{pod: found.Metric["pod"], at: at, value: value})
	}
	return samples, nil
}

func main() {
	adapter := cmd.AdapterBase{Name: "pod-metrics"}
	metric := adapter.Flags().String("metric", "", "the gauge that is served")
	prometheus := adapter.Flags().String("prometheus", "", "where Prometheus is, http://HOST:PORT")
	if err := adapter.Flags().Parse(os.Args); err != nil {
		klog.Fatal(err)
	}
	client, err := adapter.DynamicClient()
	if err != nil {
		klog.Fatal(err)
	}
	mapper, err := adapter.RESTMapper()
	if err != nil {
		klog.Fatal(err)
	}
	info := provider.CustomMetricInfo{GroupResource: pods, Namespaced: true, Metric: *metric}
	adapter.WithCustomMetrics(&gauge{
		metric:     *metric,
		prometheus: *prometheus,
		podsOf: func(namespace string, selector labels.Selector) ([]string, error) {
			return helpers.ListObjectNames(mapper, client, namespace, selector, info)
		},
	})
	if err := adapter.Run(context.Background()); err != nil {
		klog.Fatal(err)
	}
}
