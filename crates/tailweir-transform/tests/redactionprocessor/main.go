// Writes what the `redaction` processor of Collector v0.161 makes of the suites beside it:
//
//	go run . SUITE...
//
// Each suite has `config.yaml`, `suite.json` and `input.jsonl.gz`, and gets `expected.jsonl.gz`, a line per request. With
// `go run . stricter.jsonl` each line of that file, a statement where Tailweir is stricter, gets what the Collector makes of it.
package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/redactionprocessor"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor/processortest"
	"gopkg.in/yaml.v3"
)

// What a request in JSON becomes.
type change func(line []byte) ([]byte, error)

func main() {
	for _, argument := range os.Args[1:] {
		run := suite
		if strings.HasSuffix(argument, ".jsonl") {
			run = statements
		}
		if err := run(argument); err != nil {
			log.Fatalf("%s: %v", argument, err)
		}
	}
}

func suite(folder string) error {
	text, err := os.ReadFile(filepath.Join(folder, "config.yaml"))
	if err != nil {
		return err
	}
	var document struct {
		Processors struct{ Redaction map[string]any }
	}
	// There are no variables in it, but dollars are doubled as everywhere.
	if err := yaml.Unmarshal(bytes.ReplaceAll(text, []byte("$$"), []byte("$")), &document); err != nil {
		return err
	}
	about, err := os.ReadFile(filepath.Join(folder, "suite.json"))
	if err != nil {
		return err
	}
	var description struct{ Signal string }
	if err := json.Unmarshal(about, &description); err != nil {
		return err
	}
	change, err := processor(document.Processors.Redaction, description.Signal)
	if err != nil {
		return err
	}
	packed, err := os.Open(filepath.Join(folder, "input.jsonl.gz"))
	if err != nil {
		return err
	}
	defer packed.Close()
	input, err := gzip.NewReader(packed)
	if err != nil {
		return err
	}
	var expected bytes.Buffer
	output := gzip.NewWriter(&expected)
	if err := each(input, output, change); err != nil {
		return err
	}
	if err := output.Close(); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "expected.jsonl.gz"), expected.Bytes(), 0o644)
}

func each(input io.Reader, output io.Writer, change change) error {
	lines := bufio.NewScanner(input)
	lines.Buffer(nil, 1<<22)
	for lines.Scan() {
		line, err := change(lines.Bytes())
		if err != nil {
			return err
		}
		if _, err := output.Write(append(line, '\n')); err != nil {
			return err
		}
	}
	return lines.Err()
}

// The processor with these settings.
func processor(block map[string]any, signal string) (change, error) {
	factory := redactionprocessor.NewFactory()
	config := factory.CreateDefaultConfig()
	if err := confmap.NewFromStringMap(block).Unmarshal(config); err != nil {
		return nil, err
	}
	settings, background := processortest.NewNopSettings(factory.Type()), context.Background()
	switch signal {
	case "traces":
		sink := new(consumertest.TracesSink)
		made, err := factory.CreateTraces(background, settings, config, sink)
		return func(line []byte) ([]byte, error) {
			traces, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(line)
			if err != nil {
				return nil, err
			}
			sink.Reset()
			if err := made.ConsumeTraces(background, traces); err != nil {
				return nil, err
			}
			return (&ptrace.JSONMarshaler{}).MarshalTraces(sink.AllTraces()[0])
		}, err
	case "metrics":
		sink := new(consumertest.MetricsSink)
		made, err := factory.CreateMetrics(background, settings, config, sink)
		return func(line []byte) ([]byte, error) {
			metrics, err := (&pmetric.JSONUnmarshaler{}).UnmarshalMetrics(line)
			if err != nil {
				return nil, err
			}
			sink.Reset()
			if err := made.ConsumeMetrics(background, metrics); err != nil {
				return nil, err
			}
			return (&pmetric.JSONMarshaler{}).MarshalMetrics(sink.AllMetrics()[0])
		}, err
	case "logs":
		sink := new(consumertest.LogsSink)
		made, err := factory.CreateLogs(background, settings, config, sink)
		return func(line []byte) ([]byte, error) {
			logs, err := (&plog.JSONUnmarshaler{}).UnmarshalLogs(line)
			if err != nil {
				return nil, err
			}
			sink.Reset()
			if err := made.ConsumeLogs(background, logs); err != nil {
				return nil, err
			}
			return (&plog.JSONMarshaler{}).MarshalLogs(sink.AllLogs()[0])
		}, err
	}
	return nil, fmt.Errorf("no signal: %q", signal)
}

// A statement of a database where Tailweir is stricter.
type statement struct {
	// What is stricter.
	Why string `json:"why"`
	// `attribute`, `name` or `body`.
	Place string `json:"place"`
	// The key of the database's settings.
	Database  string `json:"database"`
	Text      string `json:"text"`
	Collector string `json:"collector"`
	Tailweir  string `json:"tailweir"`
}

func statements(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var output bytes.Buffer
	err = each(bytes.NewReader(text), &output, func(line []byte) ([]byte, error) {
		var it statement
		if err := json.Unmarshal(line, &it); err != nil {
			return nil, err
		}
		if it.Collector, err = sanitized(it); err != nil {
			return nil, err
		}
		var plain bytes.Buffer
		encoder := json.NewEncoder(&plain)
		encoder.SetEscapeHTML(false)
		err := encoder.Encode(it)
		return bytes.TrimSuffix(plain.Bytes(), []byte("\n")), err
	})
	if err != nil {
		return err
	}
	return os.WriteFile(file, output.Bytes(), 0o644)
}

func sanitized(it statement) (string, error) {
	systems := map[string]string{"mongo": "mongodb", "es": "elasticsearch"}
	system := it.Database
	if name, ok := systems[system]; ok {
		system = name
	}
	settings := redactionprocessor.NewFactory().CreateDefaultConfig()
	sanitizer := map[string]any{"enabled": true, "attributes": []any{"statement"}}
	block := map[string]any{"allow_all_keys": true, "db_sanitizer": map[string]any{it.Database: sanitizer}}
	if err := confmap.NewFromStringMap(block).Unmarshal(settings); err != nil {
		return "", err
	}
	if it.Place == "body" {
		return body(it.Text, settings)
	}
	sink := new(consumertest.TracesSink)
	factory := redactionprocessor.NewFactory()
	made, err := factory.CreateTraces(context.Background(), processortest.NewNopSettings(factory.Type()), settings, sink)
	if err != nil {
		return "", err
	}
	traces := ptrace.NewTraces()
	span := traces.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	span.SetName(it.Text)
	span.SetKind(ptrace.SpanKindClient)
	span.Attributes().PutStr("db.system", system)
	span.Attributes().PutStr("statement", it.Text)
	if err := made.ConsumeTraces(context.Background(), traces); err != nil {
		return "", err
	}
	if it.Place == "name" {
		return span.Name(), nil
	}
	value, _ := span.Attributes().Get("statement")
	return value.Str(), nil
}

func body(text string, settings component.Config) (string, error) {
	sink := new(consumertest.LogsSink)
	factory := redactionprocessor.NewFactory()
	made, err := factory.CreateLogs(context.Background(), processortest.NewNopSettings(factory.Type()), settings, sink)
	if err != nil {
		return "", err
	}
	logs := plog.NewLogs()
	record := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	record.Body().SetStr(text)
	if err := made.ConsumeLogs(context.Background(), logs); err != nil {
		return "", err
	}
	return record.Body().Str(), nil
}
