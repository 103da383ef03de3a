// Writes what the `metrics_transform` processor of Collector v0.161 makes of the suites beside it:
//
//	go run . SUITE...
//
// Each suite has `config.yaml`, `suite.json` and `input.jsonl.gz`, and gets `expected.jsonl.gz`, a line per request. Resources
// and scopes that are left without a metric are left out, and data points are in the order of their JSON: the
// processor's own is by chance.
package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"log"
	"os"
	"path/filepath"
	"sort"

	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/metricstransformprocessor"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"
	"gopkg.in/yaml.v3"
)

func main() {
	for _, suite := range os.Args[1:] {
		if err := run(suite); err != nil {
			log.Fatalf("%s: %v", suite, err)
		}
	}
}

func run(suite string) error {
	text, err := os.ReadFile(filepath.Join(suite, "config.yaml"))
	if err != nil {
		return err
	}
	var document struct {
		Processors struct {
			Transform map[string]any `yaml:"metrics_transform"`
		}
	}
	// There are no variables in it, but dollars are doubled as everywhere.
	text = bytes.ReplaceAll(text, []byte("$$"), []byte("$"))
	if err := yaml.Unmarshal(text, &document); err != nil {
		return err
	}
	factory := metricstransformprocessor.NewFactory()
	config := factory.CreateDefaultConfig()
	if err := confmap.NewFromStringMap(document.Processors.Transform).Unmarshal(config); err != nil {
		return err
	}
	sink := new(consumertest.MetricsSink)
	settings := processortest.NewNopSettings(factory.Type())
	transforming, err := factory.CreateMetrics(context.Background(), settings, config, sink)
	if err != nil {
		return err
	}
	return replay(suite, transforming, sink)
}

func replay(suite string, transforming processor.Metrics, sink *consumertest.MetricsSink) error {
	packed, err := os.Open(filepath.Join(suite, "input.jsonl.gz"))
	if err != nil {
		return err
	}
	defer packed.Close()
	input, err := gzip.NewReader(packed)
	if err != nil {
		return err
	}
	file, err := os.Create(filepath.Join(suite, "expected.jsonl.gz"))
	if err != nil {
		return err
	}
	defer file.Close()
	output := gzip.NewWriter(file)
	defer output.Close()
	lines := bufio.NewScanner(input)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		metrics, err := (&pmetric.JSONUnmarshaler{}).UnmarshalMetrics(lines.Bytes())
		if err != nil {
			return err
		}
		sink.Reset()
		if err := transforming.ConsumeMetrics(context.Background(), metrics); err != nil {
			return err
		}
		made := sink.AllMetrics()[0]
		leaveEmptyOut(made)
		line, err := (&pmetric.JSONMarshaler{}).MarshalMetrics(made)
		if err != nil {
			return err
		}
		if line, err = inOrder(line); err != nil {
			return err
		}
		if _, err := output.Write(append(line, '\n')); err != nil {
			return err
		}
	}
	return lines.Err()
}

func leaveEmptyOut(metrics pmetric.Metrics) {
	metrics.ResourceMetrics().RemoveIf(func(resource pmetric.ResourceMetrics) bool {
		resource.ScopeMetrics().RemoveIf(func(scope pmetric.ScopeMetrics) bool {
			return scope.Metrics().Len() == 0
		})
		return resource.ScopeMetrics().Len() == 0
	})
}

func inOrder(line []byte) ([]byte, error) {
	var document any
	if err := json.Unmarshal(line, &document); err != nil {
		return nil, err
	}
	order(document)
	return json.Marshal(document)
}

func order(value any) {
	switch value := value.(type) {
	case []any:
		for _, item := range value {
			order(item)
		}
	case map[string]any:
		for key, nested := range value {
			order(nested)
			if items, ok := nested.([]any); ok && (key == "dataPoints" || key == "attributes") {
				sort.SliceStable(items, func(i, j int) bool { return text(items[i]) < text(items[j]) })
			}
		}
	}
}

func text(value any) string {
	line, _ := json.Marshal(value)
	return string(line)
}
