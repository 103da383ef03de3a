"""Two traces by each exporter for Zipkin and Jaeger, one of which fails; then a JSON line for each trace.

Addresses come from the environment: ZIPKIN, JAEGER_GRPC, JAEGER_HTTP, JAEGER_AGENT.
"""

import json
import os

from opentelemetry.exporter.jaeger.proto.grpc import JaegerExporter as JaegerGrpc
from opentelemetry.exporter.jaeger.thrift import JaegerExporter as JaegerThrift
from opentelemetry.exporter.zipkin.json import ZipkinExporter as ZipkinJson
from opentelemetry.exporter.zipkin.proto.http import ZipkinExporter as ZipkinProtobuf
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode


def exporters():
    zipkin = f"http://{os.environ['ZIPKIN']}/api/v2/spans"
    agent, port = os.environ["JAEGER_AGENT"].split(":")
    yield "zipkin-json", ZipkinJson(endpoint=zipkin)
    yield "zipkin-protobuf", ZipkinProtobuf(endpoint=zipkin)
    yield "jaeger-grpc", JaegerGrpc(collector_endpoint=os.environ["JAEGER_GRPC"], insecure=True)
    collector = f"http://{os.environ['JAEGER_HTTP']}/api/traces?format=jaeger.thrift"
    yield "jaeger-http", JaegerThrift(collector_endpoint=collector)
    yield "jaeger-agent", JaegerThrift(agent_host_name=agent, agent_port=int(port))


def trade(tracer, kind):
    with tracer.start_as_current_span("checkout", kind=SpanKind.SERVER, attributes={"items": 3}) as root:
        root.add_event("cart read", {"size": 3})
        with tracer.start_as_current_span("charge card", kind=SpanKind.CLIENT) as charge:
            if kind == "failing":
                charge.set_status(Status(StatusCode.ERROR, "declined"))
    return format(root.get_span_context().trace_id, "032x")


def main():
    for name, exporter in exporters():
        provider = TracerProvider(resource=Resource.create({"service.name": name}))
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        tracer = provider.get_tracer("shop", "1.0")
        for kind in ["ordinary", "failing"]:
            print(json.dumps({"exporter": name, "kind": kind, "trace_id": trade(tracer, kind)}), flush=True)
        provider.shutdown()


main()
