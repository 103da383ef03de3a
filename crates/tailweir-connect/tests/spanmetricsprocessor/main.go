// Writes what the `spanmetrics` processor of Collector v0.95, the last that had it, makes of the suites beside it:
//
//	go run . SUITE...
//
// Each suite has `config.yaml`, `suite.json` (requests between flushes) and `input.jsonl`, and gets `expected.jsonl`,
// a line per flush. Times are left out.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/spanmetricsprocessor"
	"github.com/tilinna/clock"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"
	"gopkg.in/yaml.v3"
)

// host has one exporter of metrics, called `nop`.
type host struct {
	component.Host
	metrics component.Component
}

func (h host) GetExporters() map[component.DataType]map[component.ID]component.Component {
	nop := component.NewID(component.MustNewType("nop"))
	return map[component.DataType]map[component.ID]component.Component{component.DataTypeMetrics: {nop: h.metrics}}
}

// sink is that exporter.
type sink struct {
	component.StartFunc
	component.ShutdownFunc
	consumer.Metrics
}

func main() {
	for _, suite := range os.Args[1:] {
		if err := run(suite); err != nil {
			log.Fatalf("%s: %v", suite, err)
		}
	}
}

func run(suite string) error {
	var description struct {
		FlushAfterRequests []int `json:"flush_after_requests"`
	}
	if err := read(suite, "suite.json", json.Unmarshal, &description); err != nil {
		return err
	}
	var document struct {
		Processors struct{ Spanmetrics map[string]any }
	}
	if err := read(suite, "config.yaml", yaml.Unmarshal, &document); err != nil {
		return err
	}
	factory := spanmetricsprocessor.NewFactory()
	config := factory.CreateDefaultConfig().(*spanmetricsprocessor.Config)
	if err := component.UnmarshalConfig(confmap.NewFromStringMap(document.Processors.Spanmetrics), config); err != nil {
		return err
	}
	if err := config.Validate(); err != nil {
		return err
	}
	hands := clock.NewMock(time.Unix(1_700_000_000, 0))
	ctx := clock.Context(context.Background(), hands)
	flushed := make(chan pmetric.Metrics, 1)
	exported, err := consumer.NewMetrics(func(_ context.Context, metrics pmetric.Metrics) error {
		flushed <- metrics
		return nil
	})
	if err != nil {
		return err
	}
	counting, err := factory.CreateTracesProcessor(ctx, processortest.NewNopCreateSettings(), config, consumertest.NewNop())
	if err != nil {
		return err
	}
	if err := counting.Start(ctx, host{componenttest.NewNopHost(), sink{Metrics: exported}}); err != nil {
		return err
	}
	defer counting.Shutdown(ctx)
	return replay(suite, description.FlushAfterRequests, counting, func() pmetric.Metrics {
		hands.Add(config.MetricsFlushInterval)
		return <-flushed
	})
}

func read(suite, name string, parse func([]byte, any) error, into any) error {
	text, err := os.ReadFile(filepath.Join(suite, name))
	if err != nil {
		return err
	}
	return parse(text, into)
}

func replay(suite string, sizes []int, counting processor.Traces, flush func() pmetric.Metrics) error {
	input, err := os.Open(filepath.Join(suite, "input.jsonl"))
	if err != nil {
		return err
	}
	defer input.Close()
	output, err := os.Create(filepath.Join(suite, "expected.jsonl"))
	if err != nil {
		return err
	}
	defer output.Close()
	lines := bufio.NewScanner(input)
	lines.Buffer(nil, 1<<20)
	for _, size := range sizes {
		for range make([]struct{}, size) {
			lines.Scan()
			traces, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(lines.Bytes())
			if err != nil {
				return err
			}
			if err := counting.ConsumeTraces(context.Background(), traces); err != nil {
				return err
			}
		}
		metrics := flush()
		leaveTimesOut(metrics)
		line, err := (&pmetric.JSONMarshaler{}).MarshalMetrics(metrics)
		if err != nil {
			return err
		}
		if _, err := output.Write(append(line, '\n')); err != nil {
			return err
		}
	}
	return nil
}

func leaveTimesOut(metrics pmetric.Metrics) {
	made := metrics.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics()
	for i := 0; i < made.Len(); i++ {
		switch metric := made.At(i); metric.Type() {
		case pmetric.MetricTypeSum:
			for j := 0; j < metric.Sum().DataPoints().Len(); j++ {
				point := metric.Sum().DataPoints().At(j)
				point.SetStartTimestamp(0)
				point.SetTimestamp(0)
			}
		case pmetric.MetricTypeHistogram:
			for j := 0; j < metric.Histogram().DataPoints().Len(); j++ {
				point := metric.Histogram().DataPoints().At(j)
				point.SetStartTimestamp(0)
				point.SetTimestamp(0)
				for k := 0; k < point.Exemplars().Len(); k++ {
					point.Exemplars().At(k).SetTimestamp(0)
				}
			}
		}
	}
}
