"""A shop under zero-code instrumentation: calls itself, then prints what it did, a JSON line a trace.

Each trace has four spans: the client's, the server's, and two of the shop's own.
"""

import json
import logging
import threading
import time

import requests
from flask import Flask
from opentelemetry import trace
from werkzeug.serving import make_server

logging.getLogger("werkzeug").setLevel(logging.ERROR)
app = Flask(__name__)
tracer = trace.get_tracer("shop")
seen = []


def checkout(kind, seconds):
    server = trace.get_current_span()
    server.set_attribute("user.email", "ada@example.com")
    with tracer.start_as_current_span("reserve stock"):
        pass
    with tracer.start_as_current_span("charge card") as charge:
        charge.set_attribute("payment.card_number", "4111 1111 1111 1111")
        time.sleep(seconds)
    seen.append({"kind": kind, "trace_id": format(server.get_span_context().trace_id, "032x"), "spans": 4})


@app.route("/ordinary")
def ordinary():
    checkout("ordinary", 0)
    return "done"


@app.route("/slow")
def slow():
    checkout("slow", 2.5)
    return "done"


@app.route("/failing")
def failing():
    checkout("failing", 0)
    raise RuntimeError("the card was declined")


def main():
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    for path in ["/ordinary"] * 8 + ["/slow", "/failing"]:
        requests.get(address + path, timeout=10)
    server.shutdown()
    trace.get_tracer_provider().force_flush()
    for line in seen:
        print(json.dumps(line), flush=True)


main()
