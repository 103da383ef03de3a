package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/connector/connectortest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"
)

// How long requests are measured, in processor time.
const measured = 600 * time.Millisecond

// feed takes the bytes of a request through the pipeline and answers how many records were in it.
type feed func(ctx context.Context, request []byte) (int, error)

// measureComponents reads a configuration, builds the components of its pipeline for the signal, and feeds
// them the requests of a file: bytes are unmarshalled, processed, and what comes out is marshalled, or goes
// into the connector or the `prometheus` exporter at the end. It prints the processor time of the whole
// process, collection of garbage included, and the allocations, both for each record.
func measureComponents(configuration, signal, requests string) error {
	bodies, err := readRequests(requests)
	if err != nil {
		return err
	}
	through, err := build(configuration, signal)
	if err != nil {
		return err
	}
	// Caches and pools are filled first.
	if _, err := pass(through, bodies); err != nil {
		return err
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	began := processorTime()
	records := 0
	for processorTime()-began < measured {
		passed, err := pass(through, bodies)
		if err != nil {
			return err
		}
		records += passed
	}
	used := processorTime() - began
	runtime.ReadMemStats(&after)
	fmt.Printf("%.3f %.4f\n", float64(used.Nanoseconds())/float64(records),
		float64(after.Mallocs-before.Mallocs)/float64(records))
	return nil
}

func pass(through feed, bodies [][]byte) (int, error) {
	records := 0
	for _, body := range bodies {
		passed, err := through(context.Background(), body)
		if err != nil {
			return 0, err
		}
		records += passed
	}
	return records, nil
}

// processorTime is that of all threads.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// readRequests reads requests that each stand behind their length, four bytes, big-endian.
func readRequests(path string) ([][]byte, error) {
	content, err := os.ReadFile(path)
	var bodies [][]byte
	for len(content) >= 4 {
		length := binary.BigEndian.Uint32(content)
		bodies = append(bodies, content[4:4+length])
		content = content[4+length:]
	}
	return bodies, err
}

// plan is what a configuration says of one pipeline.
type plan struct {
	conf      *confmap.Conf
	factories otelcol.Factories
	signal    string
}

func build(configuration, signal string) (feed, error) {
	text, err := os.ReadFile(configuration)
	if err != nil {
		return nil, err
	}
	retrieved, err := confmap.NewRetrievedFromYAML(text)
	if err != nil {
		return nil, err
	}
	conf, err := retrieved.AsConf()
	if err != nil {
		return nil, err
	}
	all, err := factories()
	if err != nil {
		return nil, err
	}
	p := plan{conf: conf, factories: all, signal: signal}
	names := func(what string) []string {
		listed, _ := conf.Get("service::pipelines::" + signal + "::" + what).([]any)
		named := make([]string, 0, len(listed))
		for _, name := range listed {
			named = append(named, fmt.Sprint(name))
		}
		return named
	}
	exporters := names("exporters")
	if len(exporters) != 1 {
		return nil, errors.New("the pipeline needs one exporter")
	}
	switch signal {
	case "traces":
		return p.traces(names("processors"), exporters[0])
	case "metrics":
		return p.metrics(names("processors"), exporters[0])
	case "logs":
		return p.logs(names("processors"), exporters[0])
	}
	return nil, fmt.Errorf("there is no signal called %s", signal)
}

// settings are those of a component: its defaults, and what the configuration says.
func (p plan) settings(section, name string, factory component.Factory) (component.Config, error) {
	config := factory.CreateDefaultConfig()
	said, err := p.conf.Sub(section + "::" + name)
	if err != nil {
		return nil, err
	}
	return config, said.Unmarshal(&config)
}

func typeOf(name string) component.Type {
	kind, _, _ := strings.Cut(name, "/")
	return component.MustNewType(kind)
}

func start(part component.Component) error {
	return part.Start(context.Background(), componenttest.NewNopHost())
}

// through puts processors in front of next, the last one first.
func through[Next any](
	p plan,
	processors []string,
	next Next,
	create func(processor.Factory, component.Config, Next) (Next, error),
) (Next, error) {
	for _, name := range slices.Backward(processors) {
		factory := p.factories.Processors[typeOf(name)]
		config, err := p.settings("processors", name, factory)
		if err != nil {
			return next, err
		}
		if next, err = create(factory, config, next); err != nil {
			return next, err
		}
	}
	return next, nil
}

func (p plan) traces(processors []string, last string) (feed, error) {
	unmarshaler, marshaler := ptrace.ProtoUnmarshaler{}, ptrace.ProtoMarshaler{}
	next, err := consumer.NewTraces(func(_ context.Context, data ptrace.Traces) error {
		_, err := marshaler.MarshalTraces(data)
		return err
	})
	if err != nil {
		return nil, err
	}
	if factory, is := p.factories.Connectors[typeOf(last)]; is {
		sink, err := consumer.NewMetrics(func(context.Context, pmetric.Metrics) error { return nil })
		if err != nil {
			return nil, err
		}
		config, err := p.settings("connectors", last, factory)
		if err != nil {
			return nil, err
		}
		made, err := factory.CreateTracesToMetrics(context.Background(),
			connectortest.NewNopSettings(factory.Type()), config, sink)
		if err != nil {
			return nil, err
		}
		if err := start(made); err != nil {
			return nil, err
		}
		next = made
	}
	next, err = through(p, processors, next, func(factory processor.Factory, config component.Config, next consumer.Traces) (consumer.Traces, error) {
		made, err := factory.CreateTraces(context.Background(),
			processortest.NewNopSettings(factory.Type()), config, next)
		if err != nil {
			return nil, err
		}
		return made, start(made)
	})
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, request []byte) (int, error) {
		data, err := unmarshaler.UnmarshalTraces(request)
		if err != nil {
			return 0, err
		}
		records := data.SpanCount()
		return records, next.ConsumeTraces(ctx, data)
	}, nil
}

func (p plan) metrics(processors []string, last string) (feed, error) {
	unmarshaler, marshaler := pmetric.ProtoUnmarshaler{}, pmetric.ProtoMarshaler{}
	next, err := consumer.NewMetrics(func(_ context.Context, data pmetric.Metrics) error {
		_, err := marshaler.MarshalMetrics(data)
		return err
	})
	if err != nil {
		return nil, err
	}
	if last == "prometheus" {
		factory := p.factories.Exporters[typeOf(last)]
		config, err := p.settings("exporters", last, factory)
		if err != nil {
			return nil, err
		}
		// It is not started: nothing scrapes it.
		made, err := factory.CreateMetrics(context.Background(),
			exportertest.NewNopSettings(factory.Type()), config)
		if err != nil {
			return nil, err
		}
		next = made
	}
	next, err = through(p, processors, next, func(factory processor.Factory, config component.Config, next consumer.Metrics) (consumer.Metrics, error) {
		made, err := factory.CreateMetrics(context.Background(),
			processortest.NewNopSettings(factory.Type()), config, next)
		if err != nil {
			return nil, err
		}
		return made, start(made)
	})
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, request []byte) (int, error) {
		data, err := unmarshaler.UnmarshalMetrics(request)
		if err != nil {
			return 0, err
		}
		records := data.DataPointCount()
		return records, next.ConsumeMetrics(ctx, data)
	}, nil
}

func (p plan) logs(processors []string, _ string) (feed, error) {
	unmarshaler, marshaler := plog.ProtoUnmarshaler{}, plog.ProtoMarshaler{}
	next, err := consumer.NewLogs(func(_ context.Context, data plog.Logs) error {
		_, err := marshaler.MarshalLogs(data)
		return err
	})
	if err != nil {
		return nil, err
	}
	next, err = through(p, processors, next, func(factory processor.Factory, config component.Config, next consumer.Logs) (consumer.Logs, error) {
		made, err := factory.CreateLogs(context.Background(),
			processortest.NewNopSettings(factory.Type()), config, next)
		if err != nil {
			return nil, err
		}
		return made, start(made)
	})
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, request []byte) (int, error) {
		data, err := unmarshaler.UnmarshalLogs(request)
		if err != nil {
			return 0, err
		}
		records := data.LogRecordCount()
		return records, next.ConsumeLogs(ctx, data)
	}, nil
}
