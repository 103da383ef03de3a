// A shop with otelhttp: calls itself, then prints what it did, a JSON line a trace.
//
// Each trace has four spans: the client's, the server's, and two of the shop's own.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"go.opentelemetry.io/contrib/bridges/otelslog"
	"go.opentelemetry.io/contrib/exporters/autoexport"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/log/global"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

type made struct {
	Kind    string `json:"kind"`
	TraceID string `json:"trace_id"`
	Spans   int    `json:"spans"`
}

// instrument sets the providers up as the environment says, and returns what ends them.
func instrument(ctx context.Context) (func(context.Context) error, error) {
	spans, err := autoexport.NewSpanExporter(ctx)
	if err != nil {
		return nil, err
	}
	reader, err := autoexport.NewMetricReader(ctx)
	if err != nil {
		return nil, err
	}
	records, err := autoexport.NewLogExporter(ctx)
	if err != nil {
		return nil, err
	}
	tracing := sdktrace.NewTracerProvider(sdktrace.WithBatcher(spans))
	metrics := metric.NewMeterProvider(metric.WithReader(reader))
	logs := log.NewLoggerProvider(log.WithProcessor(log.NewBatchProcessor(records)))
	otel.SetTracerProvider(tracing)
	otel.SetMeterProvider(metrics)
	global.SetLoggerProvider(logs)
	otel.SetTextMapPropagator(propagation.TraceContext{})
	return func(ctx context.Context) error {
		return errors.Join(tracing.Shutdown(ctx), metrics.Shutdown(ctx), logs.Shutdown(ctx))
	}, nil
}

func checkout(ctx context.Context, kind string) made {
	server := trace.SpanFromContext(ctx)
	server.SetAttributes(attribute.String("user.email", "ada@example.com"))
	tracer := otel.Tracer("shop")
	_, reserve := tracer.Start(ctx, "reserve stock")
	reserve.End()
	ctx, charge := tracer.Start(ctx, "charge card")
	defer charge.End()
	charge.SetAttributes(attribute.String("payment.card_number", "4111 1111 1111 1111"))
	switch kind {
	case "slow":
		time.Sleep(2500 * time.Millisecond)
	case "failing":
		charge.SetStatus(codes.Error, "card declined")
		otelslog.NewLogger("shop").ErrorContext(ctx, "the card was declined")
	}
	return made{Kind: kind, TraceID: server.SpanContext().TraceID().String(), Spans: 4}
}

func run(ctx context.Context) error {
	shutdown, err := instrument(ctx)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	seen := make(chan made, 10)
	handler := func(response http.ResponseWriter, request *http.Request) {
		seen <- checkout(request.Context(), strings.TrimPrefix(request.URL.Path, "/"))
	}
	go http.Serve(listener, otelhttp.NewHandler(http.HandlerFunc(handler), "checkout"))
	client := http.Client{Transport: otelhttp.NewTransport(http.DefaultTransport)}
	kinds := append(strings.Split(strings.Repeat("ordinary ", 8), " ")[:8], "slow", "failing")
	for _, kind := range kinds {
		request, err := http.NewRequestWithContext(ctx, "GET", "http://"+listener.Addr().String()+"/"+kind, nil)
		if err != nil {
			return err
		}
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		response.Body.Close()
	}
	output := json.NewEncoder(os.Stdout)
	for range kinds {
		if err := output.Encode(<-seen); err != nil {
			return err
		}
	}
	return shutdown(ctx)
}

func main() {
	if err := run(context.Background()); err != nil {
		slog.Error(err.Error())
		os.Exit(1)
	}
}
