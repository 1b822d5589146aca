"""A collector of OTLP/HTTP with OpenTelemetry's own message definitions, on a free port of loopback.

    otlp.py <folder>

Says its URL as a JSON object, and appends each request, as one line of JSON, to the file `received` in the folder. What does
not decode is answered with 400 and written down as such.
"""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as traces

KINDS = {
    "/v1/traces": (traces.ExportTraceServiceRequest, traces.ExportTraceServiceResponse),
    "/v1/metrics": (metrics.ExportMetricsServiceRequest, metrics.ExportMetricsServiceResponse),
}


def spans(message):
    """The spans, with their ids as people write them."""
    for resource in message.resource_spans:
        service = {a.key: a.value.string_value for a in resource.resource.attributes}.get("service.name")
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield {
                    "service": service,
                    "trace": span.trace_id.hex(),
                    "span": span.span_id.hex(),
                    "parent": span.parent_span_id.hex(),
                    "name": span.name,
                    "ended": span.end_time_unix_nano >= span.start_time_unix_nano > 0,
                    "attributes": {
                        a.key: getattr(a.value, a.value.WhichOneof("value") or "string_value") for a in span.attributes
                    },
                }


class Collector(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    out, lock = None, threading.Lock()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        line = {"path": self.path, "type": self.headers["content-type"], "raw": body.decode("latin-1")}
        status, answer = 400, b""
        if self.path in KINDS and line["type"] == "application/x-protobuf":
            request, response = KINDS[self.path]
            try:
                message = request.FromString(body)
                line["message"] = MessageToDict(message)
                if self.path == "/v1/traces":
                    line["spans"] = list(spans(message))
                status, answer = 200, response().SerializeToString()
            except DecodeError as error:
                line["error"] = str(error)
        with self.lock, self.out.open("a") as file:
            file.write(json.dumps(line) + "\n")
        self.send_response(status)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


Collector.out = Path(sys.argv[1]) / "received"
server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
print(json.dumps({"url": f"http://127.0.0.1:{server.server_port}"}), flush=True)
server.serve_forever()
